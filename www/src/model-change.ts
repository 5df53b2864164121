/**
 * The way from one model to another. The next one is loaded into an engine of its own, so that the present one can be used until the
 * next is there, and stays where it fails or is called off.
 */

import type { ClipTtl, LoadProgress, Warning } from "clip-ttl";
import { loadChoice, type EngineHost } from "./engine-host.js";
import type { ModelChoice } from "./model-choice.js";
import { TransferRate } from "./transfer-rate.js";

export type ChangeState =
  | { readonly kind: "none" }
  /** Waits for the reader's word: nothing has been downloaded. */
  | { readonly kind: "offered"; readonly choice: ModelChoice; readonly isFromLink: boolean; readonly isStored: boolean }
  /** Finds out how large it is. */
  | { readonly kind: "looking-up"; readonly choice: ModelChoice }
  | { readonly kind: "loading"; readonly choice: ModelChoice; readonly progress: LoadProgress | null; readonly rate: TransferRate }
  /** Loaded; a run with the present model is to end first. */
  | { readonly kind: "waiting"; readonly choice: ModelChoice; readonly clip: ClipTtl }
  /** In use now. */
  | { readonly kind: "done"; readonly choice: ModelChoice; readonly warnings: readonly Warning[] }
  | { readonly kind: "failed"; readonly choice: ModelChoice; readonly error: unknown };

export interface ModelChangeListener {
  changeStateChanged(state: ChangeState): void;
  /** Whether the present model is at work on something that should be let finish. */
  isBusy(): boolean;
  /** The next model is loaded. */
  takeOver(clip: ClipTtl, choice: ModelChoice): void;
}

export class ModelChange {
  readonly #host: EngineHost;
  readonly #listener: ModelChangeListener;
  #state: ChangeState = { kind: "none" };
  #abort: AbortController | null = null;

  constructor(host: EngineHost, listener: ModelChangeListener) {
    this.#host = host;
    this.#listener = listener;
  }

  get state(): ChangeState {
    return this.#state;
  }

  /** Asks the reader. */
  offer(choice: ModelChoice, { isFromLink = false, isStored = false } = {}): void {
    this.#stop();
    this.#set({ kind: "offered", choice, isFromLink, isStored });
  }

  /** Finds out a model's size, then asks the reader. */
  async lookUp(choice: ModelChoice): Promise<void> {
    const signal = this.#begin();
    this.#set({ kind: "looking-up", choice });
    try {
      const sizes = await measure(choice, signal);
      if (!signal.aborted) this.offer({ ...choice, sizes });
    } catch (error) {
      if (!signal.aborted) this.#set({ kind: "failed", choice, error });
    }
  }

  async load(choice: ModelChoice): Promise<void> {
    const signal = this.#begin();
    const rate = new TransferRate();
    this.#set({ kind: "loading", choice, progress: null, rate });
    try {
      const clip = await loadChoice(choice, {
        device: this.#host.device,
        signal,
        onProgress: (progress) => {
          if (signal.aborted) return;
          rate.add(progress.loadedBytes - (progress.weights?.fromCacheBytes ?? 0), performance.now());
          this.#set({ kind: "loading", choice, progress, rate });
        },
      });
      if (signal.aborted) clip.dispose();
      else if (this.#listener.isBusy()) this.#set({ kind: "waiting", choice, clip });
      else this.#takeOver(clip, choice);
    } catch (error) {
      if (!signal.aborted) this.#set({ kind: "failed", choice, error });
    }
  }

  /** Gives the next model up, or takes away what was said about it. */
  stop(): void {
    this.#stop();
    this.#set({ kind: "none" });
  }

  /** What the present model worked on has ended. */
  presentIsFree(): void {
    if (this.#state.kind === "waiting") this.#takeOver(this.#state.clip, this.#state.choice);
  }

  /** What has been loaded for another device doesn't help. */
  deviceChanged(): void {
    if (this.#state.kind === "loading" || this.#state.kind === "waiting") void this.load(this.#state.choice);
  }

  #takeOver(clip: ClipTtl, choice: ModelChoice): void {
    this.#abort = null;
    this.#state = { kind: "done", choice, warnings: clip.warnings };
    this.#listener.takeOver(clip, choice);
    this.#listener.changeStateChanged(this.#state);
  }

  #begin(): AbortSignal {
    this.#stop();
    this.#abort = new AbortController();
    return this.#abort.signal;
  }

  #stop(): void {
    this.#abort?.abort();
    this.#abort = null;
    if (this.#state.kind === "waiting") this.#state.clip.dispose();
  }

  #set(state: ChangeState): void {
    this.#state = state;
    this.#listener.changeStateChanged(state);
  }
}

/**
 * What a model takes. The loading is begun, and broken off as soon as the header of the weights' file is there; nothing is stored.
 * Rejects where it can't be loaded at all.
 */
async function measure(choice: ModelChoice, signal: AbortSignal): Promise<ModelChoice["sizes"]> {
  const enough = new AbortController();
  const onAbort = (): void => enough.abort();
  signal.addEventListener("abort", onAbort, { once: true });
  let sizes: ModelChoice["sizes"] = null;
  try {
    const clip = await loadChoice(choice, {
      device: "cpu",
      cache: false,
      signal: enough.signal,
      onProgress: ({ weights }) => {
        if (weights === null || sizes !== null) return;
        sizes = { downloadBytes: weights.sourceBytes, residentBytes: weights.residentBytes };
        enough.abort();
      },
    });
    clip.dispose();
  } catch (error) {
    if (sizes === null) throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  return sizes;
}
