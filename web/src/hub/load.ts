/**
 * Loads a checkpoint into the engine: finds its files, reads the header, plans, and brings the pieces in. What has come before is
 * taken from the browser's storage. In the end the model is there whole, or there is an error; nothing in between.
 */

import type { Loader } from "../clip_ttl.js";
import { ClipTtlError } from "../errors.js";
import type { WeightsChoice } from "../load-types.js";
import type { DownloadProgress } from "../progress.js";
import type { WireModel } from "../protocol.js";
import { isCommit } from "./address.js";
import { PATIENT, type HttpContext, type HttpSettings } from "./http.js";
import { HttpSource } from "./http-source.js";
import { FilesLocator, type FoundModel, type Locator, type LocatorTools } from "./locate.js";
import { browserLocks, type Locks } from "./locks.js";
import { bringPieces } from "./pieces.js";
import { RepositoryLocator } from "./repository.js";
import { SourceChanged } from "./source.js";
import { sha256 } from "./sha256.js";
import { ModelStore, STORE_FORMAT, type Manifest, type ModelKey, type StoredModel } from "./store.js";

/** What is to be loaded. */
export interface LoadJob {
  readonly model: WireModel;
  readonly dtype: WeightsChoice;
  /** Whether weights may be kept in the browser's storage. */
  readonly cache: boolean;
}

/** What it is loaded with. */
export interface LoadTools {
  /** Comes with the engine, which may itself be on its way. */
  readonly loader: Promise<Pick<typeof Loader, "plan">>;
  readonly progress: DownloadProgress;
  readonly signal: AbortSignal;
  readonly http?: HttpSettings | undefined;
  readonly openStore?: (() => Promise<ModelStore | string>) | undefined;
  readonly locks?: Locks | null | undefined;
}

/** Brings the checkpoint in; the loader has all its pieces then, and belongs to the caller. */
export async function loadModel(job: LoadJob, tools: LoadTools): Promise<Loader> {
  for (let attempt = 1; ; attempt += 1) {
    // What an attempt still has open at its end is let go.
    const abort = new AbortController();
    const onAbort = (): void => abort.abort(tools.signal.reason);
    if (tools.signal.aborted) onAbort();
    tools.signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await new Load(job, tools, abort.signal).run();
    } catch (error) {
      if (!(error instanceof SourceChanged)) throw error;
      if (attempt === 2) throw new ClipTtlError("checkpoint-changed", `the file changed while it was read: ${error.message}`, { cause: error });
    } finally {
      tools.signal.removeEventListener("abort", onAbort);
      abort.abort();
    }
  }
}

class Load {
  readonly #job: LoadJob;
  readonly #tools: LoadTools;
  readonly #signal: AbortSignal;
  readonly #context: HttpContext;
  #settings: HttpSettings;
  #store: ModelStore | null = null;

  constructor(job: LoadJob, tools: LoadTools, signal: AbortSignal) {
    this.#job = job;
    this.#tools = tools;
    this.#signal = signal;
    this.#settings = tools.http ?? PATIENT;
    const currentSettings = (): HttpSettings => this.#settings;
    this.#context = {
      get settings() {
        return currentSettings();
      },
      signal,
      onRetry: (waiter, retry) => tools.progress.retrying(waiter, retry),
      answered: new Set(),
    };
  }

  async run(): Promise<Loader> {
    const locator = await this.#locator();
    if (locator.place !== null && this.#job.cache) this.#store = await this.#openStore();
    const remembered = await this.#rememberedAt(locator, null);
    if (remembered !== null) return this.#assemble(locator, remembered);
    const fallback = await this.#guarded((store) => (locator.place === null ? null : store.newest(locator.place, this.#job.dtype)), null);
    let isFound = false;
    try {
      // With a version at hand, asking for a newer one should not take long; fetching that one may.
      if (fallback !== null) this.#settings = hasty(this.#settings);
      const found = (await this.#rememberedAt(locator, await locator.revision())) ?? { found: await locator.find(), stored: null };
      isFound = true;
      this.#settings = this.#tools.http ?? PATIENT;
      return await this.#assemble(locator, found);
    } catch (error) {
      this.#settings = this.#tools.http ?? PATIENT;
      const old = fallback !== null && isOutOfReach(error) ? await this.#recall(fallback) : null;
      if (old === null) throw error;
      const what = isFound ? "the newer version could not be fetched" : "whether there is a newer version could not be asked";
      const message = `${what} (${error instanceof ClipTtlError ? error.reason : String(error)}); the one in the browser's storage was taken`;
      this.#tools.progress.warn({ code: "model-not-checked", message });
      return this.#assemble(locator, old, { isNewest: false });
    }
  }

  async #locator(): Promise<Locator> {
    const { model } = this.#job;
    const tools: LocatorTools = { context: this.#context, progress: this.#tools.progress };
    return model.kind === "repository" ? new RepositoryLocator(model, tools) : FilesLocator.of(model, tools);
  }

  /** A complete model in the storage of which it is certain that it is the one that was asked for. */
  async #rememberedAt({ place }: Locator, revision: string | null): Promise<Remembered | null> {
    if (place === null) return null;
    const named = revision ?? (isCommit(place.ref) ? place.ref : null);
    if (named === null) return null;
    const stored = await this.#guarded((store) => store.get({ ...place, revision: named, dtype: this.#job.dtype }), null);
    return stored?.manifest?.isComplete === true ? this.#recall(stored) : null;
  }

  /** Everything about a stored model but its pieces; what is missing of these can be fetched. */
  async #recall(stored: StoredModel): Promise<Remembered | null> {
    const { manifest } = stored;
    const header = await this.#guarded(() => stored.readHeader(), null);
    if (manifest === null || header === null) return null;
    const { url, config, preprocessor, revision, fileBytes: size } = manifest;
    const name = new URL(url).pathname.split("/").at(-1) ?? "model.safetensors";
    const weights = new HttpSource(new URL(url), {
      name,
      what: `${name} of ${manifest.name}`,
      context: this.#context,
      isSequential: false,
      isImmutable: isCommit(revision),
      earlier: { size, version: isCommit(revision) ? null : revision },
    });
    return { found: { config, preprocessor, header, weights, url, revision }, stored };
  }

  /** `isNewest`: others of the same branch are not needed any more. Of one that is taken for want of a newer one, that newer one's pieces are. */
  async #assemble({ place }: Locator, { found, stored }: Remembered, { isNewest } = { isNewest: true }): Promise<Loader> {
    const { progress } = this.#tools;
    const { header, weights } = found;
    const loader = await this.#plan(found, stored);
    let kept: StoredModel | null = null;
    try {
      const { summary } = loader;
      progress.expect(weights.name, header.length + summary.sourceBytes);
      progress.advance(weights.name, header.length);
      progress.planned(summary, loader.pieces.length / 2, found.revision);
      const key = place === null || found.revision === null ? null : { ...place, revision: found.revision, dtype: this.#job.dtype };
      kept = await this.#keep(key, found, loader);
      const folder = kept;
      const isStored = await bringPieces({
        loader,
        weights,
        countedBytes: header.length,
        stored: kept,
        locks: this.#tools.locks === undefined ? browserLocks() : this.#tools.locks,
        progress,
        signal: this.#signal,
        onStorageFailed: (error) => this.#storageFailed(folder, error),
      });
      progress.complete(weights.name, header.length + summary.sourceBytes);
      if (kept !== null && key !== null && isStored) await this.#finish(kept, key, isNewest);
      return loader;
    } catch (error) {
      release(loader);
      if (error instanceof SourceChanged) await this.#guarded(() => (kept ?? stored)?.remove(), undefined);
      throw error;
    } finally {
      weights.close();
    }
  }

  async #plan({ config, preprocessor, header, weights }: FoundModel, stored: StoredModel | null): Promise<Loader> {
    const loader = await this.#tools.loader;
    try {
      return loader.plan(config ?? undefined, preprocessor ?? undefined, header, weights.size ?? undefined, this.#job.dtype);
    } catch (error) {
      weights.close();
      if (stored === null) throw error;
      // Another version of this package has stored it, or it is damaged: it is fetched anew.
      await this.#guarded(() => stored.remove(), undefined);
      throw new SourceChanged("what was stored of the model can't be used");
    }
  }

  /** The folder in the storage that pieces go to and come from; null where they aren't kept. */
  async #keep(key: ModelKey | null, found: FoundModel, loader: Loader): Promise<StoredModel | null> {
    const { url, config, preprocessor, header, weights } = found;
    if (this.#store === null || url === null) return null;
    if (key === null) {
      const message = "the model is not kept for the next time: its server tells nothing by which versions could be told apart";
      this.#tools.progress.warn({ code: "model-not-kept", message });
      return null;
    }
    const { summary, pieces } = loader;
    const fingerprint = await fingerprintOf(header, [STORE_FORMAT, key.dtype, summary.dtype, summary.residentBytes, config, preprocessor, [...pieces]]);
    const now = Date.now();
    const manifest: Manifest = {
      ...key,
      format: STORE_FORMAT,
      name: this.#job.model.name,
      url,
      config,
      preprocessor,
      fingerprint,
      fileBytes: weights.size,
      pieces: pieces.length / 2,
      residentBytes: summary.residentBytes,
      createdAt: now,
      lastUsedAt: now,
      isComplete: false,
    };
    try {
      return await this.#store.begin(manifest, header);
    } catch (error) {
      await this.#storageFailed(null, error);
      return null;
    }
  }

  async #finish(stored: StoredModel, key: ModelKey, isNewest: boolean): Promise<void> {
    await this.#guarded(async (store) => {
      const { manifest } = stored;
      const present = await stored.readManifest();
      // Somebody has deleted it meanwhile, in another tab or by hand: what was written after that is of no use by itself.
      if (present === null) return stored.remove();
      if (present.fingerprint !== manifest?.fingerprint) return;
      await stored.writeManifest({ ...present, isComplete: true, lastUsedAt: Date.now() });
      if (isNewest) await store.removeSuperseded(key);
    }, undefined);
  }

  async #openStore(): Promise<ModelStore | null> {
    const store = await (this.#tools.openStore ?? ModelStore.open)();
    if (typeof store !== "string") return store;
    this.#tools.progress.warn({ code: "storage-unavailable", message: `the model is not kept for the next time: ${store}` });
    return null;
  }

  /** Nothing more is stored, and a half is of no use: it would take the space that others need. */
  async #storageFailed(stored: StoredModel | null, error: unknown): Promise<void> {
    const isFull = error instanceof Error && error.name === "QuotaExceededError";
    const reason = isFull ? "the browser gives this site no more space" : error instanceof Error ? error.message : String(error);
    this.#tools.progress.warn({ code: isFull ? "storage-full" : "storage-unavailable", message: `the model is not kept for the next time: ${reason}` });
    await this.#guarded(() => stored?.remove(), undefined);
  }

  /** The storage may fail at any time; that never makes a load fail. */
  async #guarded<T>(work: (store: ModelStore) => T | Promise<T>, otherwise: T): Promise<T> {
    if (this.#store === null) return otherwise;
    try {
      return await work(this.#store);
    } catch {
      return otherwise;
    }
  }
}

/** What has been found, and the folder in the storage that it was found in. */
interface Remembered {
  readonly found: FoundModel;
  readonly stored: StoredModel | null;
}

/** Frees what stands in the engine's memory. An engine that has crashed can't do that, and its crash is what should be told. */
function release(loader: Loader): void {
  try {
    loader.free();
  } catch {
    // The memory goes with the engine.
  }
}

function hasty(settings: HttpSettings): HttpSettings {
  return { ...settings, attempts: Math.min(settings.attempts, 2), offlineMs: 0, stallMs: Math.min(settings.stallMs, 10_000) };
}

function isOutOfReach(error: unknown): boolean {
  return error instanceof ClipTtlError && ["network", "cors", "model-unavailable"].includes(error.code);
}

async function fingerprintOf(header: Uint8Array, rest: unknown): Promise<string> {
  return sha256(new TextEncoder().encode(`${await sha256(header)} ${JSON.stringify(rest)}`));
}
