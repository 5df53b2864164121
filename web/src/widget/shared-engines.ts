/**
 * Engines that elements share: those of one page that want the same model on the same device get the same one, which gives each its
 * turn. An engine that nobody wants any more is disposed of after a while, so that an element can be moved within the page.
 */

import { ClipTtlError } from "../errors.js";
import type { DeviceChoice, DeviceInfo, LoadProgress, WeightsChoice } from "../load-types.js";
import type { AdaptRun } from "../adapt-run.js";
import type { AdaptOptions, ClassifyOptions, ImageInput, LabelScore, MethodDescription } from "../types.js";

/** What an element needs of a `ClipTtl`. */
export interface EngineLike {
  readonly device: DeviceInfo;
  /** Why it can't be used any more, or null. */
  readonly closed: ClipTtlError | null;
  classify(image: ImageInput, labels: readonly string[], options?: ClassifyOptions): Promise<LabelScore[]>;
  adapt(image: ImageInput, labels: readonly string[], options?: AdaptOptions): AdaptRun;
  methods(): Promise<readonly MethodDescription[]>;
  dispose(): void;
}

/** What tells one engine from another. */
export interface EngineRequest {
  readonly model: string;
  readonly dtype: WeightsChoice;
  readonly device: DeviceChoice;
  /** Folder of this package's files; null: where they are by default. */
  readonly assetBase: string | null;
}

export type EngineLoader = (
  request: EngineRequest,
  options: { readonly signal: AbortSignal; readonly onProgress: (progress: LoadProgress) => void },
) => Promise<EngineLike>;

/** One element's share in an engine. */
export interface Lease {
  readonly request: EngineRequest;
  /** Rejects where loading fails, or `engine` was given up while it was loaded. */
  readonly engine: Promise<EngineLike>;
  /** Whether there is nothing to hope for from `engine` any more: loading it failed, it has ended, or another element has given it up. */
  readonly isOver: boolean;
  /** Ends the share. Nothing else may be called afterwards. */
  release(): void;
  /** Ends the share in an engine that can't go on; whoever asks next gets a new one. */
  discard(): void;
}

/** How long an engine without users is kept. */
const KEEP_MS = 5000;

interface Entry {
  readonly engine: Promise<EngineLike>;
  readonly abort: AbortController;
  readonly listeners: Set<(progress: LoadProgress) => void>;
  readonly latest: { readonly progress: LoadProgress | null };
  users: number;
  /** What `engine` has become, once it is loaded. */
  loaded: EngineLike | null;
  isOver: boolean;
  ending: ReturnType<typeof setTimeout> | undefined;
}

export class SharedEngines {
  readonly #load: EngineLoader;
  readonly #keepMs: number;
  readonly #entries = new Map<string, Entry>();

  constructor(load: EngineLoader, keepMs: number = KEEP_MS) {
    this.#load = load;
    this.#keepMs = keepMs;
  }

  /** Number of engines that are loaded, or being loaded. */
  get size(): number {
    return this.#entries.size;
  }

  /** A share in the engine that a request means, which is loaded where it isn't there yet. `onProgress` is told how far it is. */
  acquire(request: EngineRequest, onProgress: (progress: LoadProgress) => void): Lease {
    const key = JSON.stringify([request.model, request.dtype, request.device, request.assetBase]);
    const present = this.#entries.get(key);
    const entry = present === undefined || hasEnded(present) ? this.#begin(key, request) : present;
    clearTimeout(entry.ending);
    entry.users += 1;
    entry.listeners.add(onProgress);
    if (entry.latest.progress !== null) onProgress(entry.latest.progress);
    let isOver = false;
    const leave = (): boolean => {
      if (isOver) return false;
      isOver = true;
      entry.users -= 1;
      entry.listeners.delete(onProgress);
      return true;
    };
    return {
      request,
      engine: entry.engine,
      get isOver() {
        return hasEnded(entry);
      },
      release: () => {
        if (!leave() || entry.users > 0) return;
        entry.ending = setTimeout(() => this.#end(key, entry), this.#keepMs);
      },
      discard: () => {
        if (leave()) this.#end(key, entry);
      },
    };
  }

  #begin(key: string, request: EngineRequest): Entry {
    const abort = new AbortController();
    const listeners = new Set<(progress: LoadProgress) => void>();
    const latest: { progress: LoadProgress | null } = { progress: null };
    const onProgress = (progress: LoadProgress): void => {
      latest.progress = progress;
      for (const listener of [...listeners]) listener(progress);
    };
    const engine = this.#load(request, { signal: abort.signal, onProgress });
    const entry: Entry = { engine, abort, listeners, latest, users: 0, loaded: null, isOver: false, ending: undefined };
    this.#entries.set(key, entry);
    engine.then(
      (loaded) => (entry.loaded = loaded),
      // Who waits is told; the next one to ask tries anew.
      () => this.#forget(key, entry),
    );
    return entry;
  }

  #end(key: string, entry: Entry): void {
    clearTimeout(entry.ending);
    this.#forget(key, entry);
    entry.abort.abort();
    entry.engine.then(
      (engine) => engine.dispose(),
      () => undefined,
    );
  }

  #forget(key: string, entry: Entry): void {
    entry.isOver = true;
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
  }
}

/** An engine may end while nothing is asked of it: it crashes, or its graphics device is lost. */
function hasEnded({ isOver, loaded }: Entry): boolean {
  return isOver || (loaded?.closed ?? null) !== null;
}

/** The engines of this page. The engine's code is fetched when the first one is asked for. */
export const sharedEngines = new SharedEngines(async ({ model, dtype, device, assetBase }, { signal, onProgress }) => {
  const { ClipTtl } = await import("../engine.js").catch((cause: unknown) => {
    throw new ClipTtlError("network", "the engine's code can't be fetched", { cause });
  });
  return ClipTtl.load({ model, dtype, device, signal, onProgress, assetBase: assetBase ?? undefined });
});
