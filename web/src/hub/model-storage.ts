/** The models that the browser keeps for this site, for pages that show and tidy them. */

import { ClipTtlError } from "../errors.js";
import type { CachedModel, StorageEstimate } from "../load-types.js";
import { CACHE_NAME, ModelStore, storageOf, type Manifest } from "./store.js";

/** Looks after the models that the browser keeps for this site. Where it keeps none, lists are empty and removing does nothing. */
export interface ModelStorage {
  /** What models and the whole site take, and may take. */
  estimate(): Promise<StorageEstimate>;
  /** The models, those used last first. */
  list(): Promise<CachedModel[]>;
  /** Removes one model. What is loaded of it stays loaded. */
  delete(key: string): Promise<void>;
  /** Removes all models. */
  clear(): Promise<void>;
  /** Asks the browser not to remove anything of this site by itself when space gets scarce; it may refuse, or ask the user. */
  persist(): Promise<boolean>;
}

export const modelStorage: ModelStorage = {
  async estimate() {
    const [models, all] = await Promise.all([modelStorage.list().catch(() => null), navigator.storage?.estimate?.().catch(() => null)]);
    return {
      modelBytes: models?.reduce((sum, { bytes }) => sum + bytes, 0) ?? null,
      usedBytes: all?.usage ?? null,
      quotaBytes: all?.quota ?? null,
    };
  },

  async list() {
    const store = await ModelStore.open();
    if (typeof store === "string") return [];
    const models = await guarded(async () => {
      const all = await store.all();
      return Promise.all(all.map(async (model) => ({ key: model.key, manifest: model.manifest, bytes: await model.bytes() })));
    });
    return models.flatMap(({ key, manifest, bytes }) => (manifest === null ? [] : [describe(key, manifest, bytes)])).sort((a, b) => +b.lastUsedAt - +a.lastUsedAt);
  },

  async delete(key) {
    const store = await ModelStore.open();
    if (typeof store !== "string") await guarded(() => store.remove(key));
  },

  async clear() {
    await guarded(async () => storageOf(globalThis)?.delete(CACHE_NAME));
  },

  async persist() {
    return (await navigator.storage?.persist?.().catch(() => false)) ?? false;
  },
};

function describe(key: string, { name, revision, dtype, isComplete, createdAt, lastUsedAt }: Manifest, bytes: number): CachedModel {
  return { key, name, revision, dtype, bytes, complete: isComplete, createdAt: new Date(createdAt), lastUsedAt: new Date(lastUsedAt) };
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new ClipTtlError("storage-unavailable", `the browser's storage can't be used: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
