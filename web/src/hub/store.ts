/**
 * Weights in the browser's storage, in the form that the engine keeps them in: quantised, piece by piece.
 *
 * Each model has a folder of made-up addresses in one cache: a manifest, the header of its file, and its pieces, each with
 * its checksum. An entry is written whole or not at all, so what a broken-off load has left is good for the next one.
 */

import type { WeightsChoice } from "../load-types.js";
import type { Place } from "./locate.js";
import { sha256 } from "./sha256.js";

/** Changes whenever the engine encodes pieces differently. */
export const STORE_FORMAT = 1;

/** Each format has its own: two pages of one site may have different versions of this package. */
export const CACHE_NAME = `clip-ttl-models-${STORE_FORMAT}`;

/** No server has this name. */
const ROOT = "https://clip-ttl.invalid/models/";

const CHECKSUM_HEADER = "x-sha256";
const BYTES_HEADER = "x-bytes";

/** What tells models in storage apart. */
export interface ModelKey extends Place {
  /** The commit, or what else tells versions apart. */
  readonly revision: string;
  readonly dtype: WeightsChoice;
}

/** What is known of a model in storage. */
export interface Manifest extends ModelKey {
  readonly format: number;
  readonly name: string;
  /** Where its pieces can be fetched again. */
  readonly url: string;
  readonly config: string | null;
  readonly preprocessor: string | null;
  /** Checksum of everything that pieces depend on. */
  readonly fingerprint: string;
  readonly fileBytes: number | null;
  readonly pieces: number;
  readonly residentBytes: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly lastUsedAt: number;
  /** Whether all pieces have been written. Single ones may have gone since. */
  readonly isComplete: boolean;
}

/** The storage of all models. */
export class ModelStore {
  readonly #cache: Cache;

  private constructor(cache: Cache) {
    this.#cache = cache;
  }

  /** The storage, or why it can't be used: private windows, embedded pages and pages without encryption may have none. */
  static async open(caches: CacheStorage | undefined = storageOf(globalThis)): Promise<ModelStore | string> {
    if (caches === undefined || globalThis.crypto?.subtle === undefined) return "this page has no storage";
    try {
      return new ModelStore(await caches.open(CACHE_NAME));
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** The model of that key, where something of it is there. */
  async get(key: ModelKey): Promise<StoredModel | null> {
    const model = await this.#model(key);
    return (await model.readManifest()) === null ? null : model;
  }

  /** The version used last of those that came from a place, of those that are complete. */
  async newest(place: Place, dtype: WeightsChoice): Promise<StoredModel | null> {
    const isSought = (manifest: Manifest): boolean => isOf(manifest, place, dtype) && manifest.isComplete;
    const found = (await this.all()).filter(({ manifest }) => manifest !== null && isSought(manifest));
    return found.sort((a, b) => (b.manifest?.lastUsedAt ?? 0) - (a.manifest?.lastUsedAt ?? 0))[0] ?? null;
  }

  /** Begins a model, or goes on with it where its pieces are the same. */
  async begin(manifest: Manifest, header: Uint8Array): Promise<StoredModel> {
    const model = await this.#model(manifest);
    const before = await model.readManifest();
    if (before?.fingerprint === manifest.fingerprint) {
      if ((await model.readHeader()) === null) await model.writeHeader(header);
      return model;
    }
    if (before !== null) await model.remove();
    try {
      await model.writeManifest(manifest);
      await model.writeHeader(header);
      return model;
    } catch (error) {
      await model.remove();
      throw error;
    }
  }

  /** Removes other versions from the same branch: nobody would ask for them again. */
  async removeSuperseded(key: ModelKey): Promise<void> {
    // Who names a commit wants that one, and may want another one too.
    if (key.ref === key.revision) return;
    for (const model of await this.all()) {
      const { manifest } = model;
      if (manifest !== null && isOf(manifest, key, key.dtype) && manifest.revision !== key.revision) await model.remove();
    }
  }

  /** All models. What has no manifest that can be read is of no use to anybody, and is removed. */
  async all(): Promise<readonly StoredModel[]> {
    const keys = new Set((await this.#cache.keys()).map(({ url }) => keyOf(url)));
    const models = [...keys].filter((key) => key !== null).map((key) => new StoredModel(this.#cache, key));
    await Promise.all(models.map(async (model) => (await model.readManifest()) ?? model.remove()));
    return models.filter(({ manifest }) => manifest !== null);
  }

  /** Removes the model of a key that `all` has given. */
  async remove(key: string): Promise<void> {
    await new StoredModel(this.#cache, key).remove();
  }

  async #model({ source, ref, revision, dtype }: ModelKey): Promise<StoredModel> {
    const text = JSON.stringify([STORE_FORMAT, source, ref, revision, dtype]);
    return new StoredModel(this.#cache, (await sha256(new TextEncoder().encode(text))).slice(0, 32));
  }
}

/** One model's folder. */
export class StoredModel {
  readonly key: string;
  readonly #cache: Cache;
  #manifest: Manifest | null = null;

  constructor(cache: Cache, key: string) {
    this.#cache = cache;
    this.key = key;
  }

  /** As it was last read or written. */
  get manifest(): Manifest | null {
    return this.#manifest;
  }

  /** The manifest; null where there is none, or one that this version doesn't understand. */
  async readManifest(): Promise<Manifest | null> {
    const bytes = await this.#read("manifest");
    this.#manifest = bytes === null ? null : parseManifest(new TextDecoder().decode(bytes));
    return this.#manifest;
  }

  async writeManifest(manifest: Manifest): Promise<void> {
    this.#manifest = manifest;
    await this.#write("manifest", new TextEncoder().encode(JSON.stringify(manifest)));
  }

  readHeader(): Promise<Uint8Array | null> {
    return this.#read("header");
  }

  writeHeader(header: Uint8Array): Promise<void> {
    return this.#write("header", header);
  }

  /** A piece; null where it isn't there. One whose checksum is wrong is removed, and counts as not there. */
  readPiece(index: number): Promise<Uint8Array | null> {
    return this.#read(`piece/${index}`);
  }

  writePiece(index: number, bytes: Uint8Array): Promise<void> {
    return this.#write(`piece/${index}`, bytes);
  }

  async removePiece(index: number): Promise<void> {
    await this.#cache.delete(this.#url(`piece/${index}`));
  }

  /** Bytes that are there. */
  async bytes(): Promise<number> {
    const sizes = (await this.#own()).map(async (request) => Number((await this.#cache.match(request))?.headers.get(BYTES_HEADER) ?? 0));
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  async remove(): Promise<void> {
    this.#manifest = null;
    for (const request of await this.#own()) await this.#cache.delete(request);
  }

  async #own(): Promise<readonly Request[]> {
    return (await this.#cache.keys()).filter(({ url }) => keyOf(url) === this.key);
  }

  async #read(entry: string): Promise<Uint8Array | null> {
    const url = this.#url(entry);
    try {
      const response = await this.#cache.match(url);
      if (response === undefined) return null;
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (response.headers.get(CHECKSUM_HEADER) === (await sha256(bytes))) return bytes;
    } catch {
      // It can't be read: as good as damaged.
    }
    await this.#cache.delete(url).catch(() => false);
    return null;
  }

  async #write(entry: string, bytes: Uint8Array): Promise<void> {
    const headers = { [CHECKSUM_HEADER]: await sha256(bytes), [BYTES_HEADER]: String(bytes.length), "content-type": "application/octet-stream" };
    await this.#cache.put(this.#url(entry), new Response(bytes as Uint8Array<ArrayBuffer>, { headers }));
  }

  #url(entry: string): string {
    return `${ROOT}${this.key}/${entry}`;
  }
}

/** The storage of a page or worker; undefined where there is none, or where looking is forbidden. */
export function storageOf(scope: { readonly caches?: CacheStorage }): CacheStorage | undefined {
  try {
    return scope.caches;
  } catch {
    return undefined;
  }
}

function isOf(manifest: Manifest, { source, ref }: Place, dtype: WeightsChoice): boolean {
  return manifest.source === source && manifest.ref === ref && manifest.dtype === dtype;
}

function keyOf(url: string): string | null {
  return url.startsWith(ROOT) ? (url.slice(ROOT.length).split("/")[0] ?? null) : null;
}

function parseManifest(text: string): Manifest | null {
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null && Reflect.get(value, "format") === STORE_FORMAT ? (value as Manifest) : null;
}
