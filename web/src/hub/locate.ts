/** Finds a checkpoint's files, and reads all of them but the weights themselves. */

import { bytesOf, fetchChecked } from "../fetching.js";
import type { DownloadProgress } from "../progress.js";
import type { WireFile, WireFiles } from "../protocol.js";
import { CONFIG_FILE, PREPROCESSOR_FILE, unsigned } from "./address.js";
import { readHeader } from "./header.js";
import { askText, HttpError, type HttpContext } from "./http.js";
import { HttpSource } from "./http-source.js";
import { sha256 } from "./sha256.js";
import { BlobSource, BufferSource, type ByteSource } from "./source.js";

/** Where weights come from, in the cache's words. */
export interface Place {
  /** The address without the revision. */
  readonly source: string;
  /** The branch or the like that was asked for; empty where there is no such thing. */
  readonly ref: string;
}

/** A checkpoint of which everything is known but the weights. */
export interface FoundModel {
  readonly config: string | null;
  readonly preprocessor: string | null;
  /** The first bytes of the weights' file. */
  readonly header: Uint8Array;
  readonly weights: ByteSource;
  /** Where the weights are fetched from, for a later time; null where that is no address. */
  readonly url: string | null;
  /** What tells this version from others: a commit, an ETag, a date; null where nothing does. */
  readonly revision: string | null;
}

/** Knows the way to a checkpoint's files. */
export interface Locator {
  /** Null: what is found there is not kept. */
  readonly place: Place | null;
  /** The version, where it can be told without a look at the weights. */
  revision(): Promise<string | null>;
  find(): Promise<FoundModel>;
}

/** What a locator works with. */
export interface LocatorTools {
  readonly context: HttpContext;
  readonly progress: DownloadProgress;
}

/** Files that are named one by one. */
export class FilesLocator implements Locator {
  readonly place: Place | null;
  readonly #model: WireFiles;
  readonly #tools: LocatorTools;

  private constructor(model: WireFiles, tools: LocatorTools, place: Place | null) {
    this.place = place;
    this.#model = model;
    this.#tools = tools;
  }

  static async of(model: WireFiles, tools: LocatorTools): Promise<FilesLocator> {
    const { weights, config, preprocessor, isGuess, isPackage } = model;
    if (weights.kind !== "url" || !isHttp(weights.url) || isPackage) return new FilesLocator(model, tools, null);
    // What lies beside the weights goes with them; what is named by itself may be another one the next time.
    const others = isGuess ? [] : await Promise.all([config, preprocessor].map(identityOf));
    return new FilesLocator(model, tools, { source: [unsigned(weights.url), ...others].join(" "), ref: "" });
  }

  async revision(): Promise<string | null> {
    return null;
  }

  async find(): Promise<FoundModel> {
    const { config, preprocessor, weights, isGuess } = this.#model;
    const { progress } = this.#tools;
    const name = weightsName(weights);
    progress.expect(name, null);
    const reading = async (): Promise<{ source: ByteSource; header: Uint8Array }> => {
      const source = await this.#open(weights, name);
      return { source, header: await readHeader(source) };
    };
    const [configText, preprocessorText, { source, header }] = await Promise.all([
      this.#text(config, CONFIG_FILE, isGuess),
      this.#text(preprocessor, PREPROCESSOR_FILE, isGuess),
      reading(),
    ]);
    const url = weights.kind === "url" ? unsigned(weights.url) : null;
    return { config: configText, preprocessor: preprocessorText, header, weights: source, url, revision: source.version };
  }

  async #open(file: WireFile, name: string): Promise<ByteSource> {
    const { context } = this.#tools;
    if (file.kind === "data") return file.data instanceof Blob ? new BlobSource(name, file.data) : new BufferSource(name, file.data);
    const url = new URL(file.url);
    const what = `the model's ${name}`;
    if (!isHttp(file.url)) return new BlobSource(name, await (await fetchChecked(url, what, context.signal)).blob());
    return new HttpSource(url, { name, what, context, isSequential: this.#model.isPackage, isImmutable: false });
  }

  async #text(file: WireFile | null, name: string, mayBeAbsent: boolean): Promise<string | null> {
    if (file === null) return null;
    const { context, progress } = this.#tools;
    if (file.kind === "url" && isHttp(file.url)) {
      // The weights come past the browser's cache; an old configuration from there might not go with them.
      const cache = this.#model.isPackage ? "default" : "no-cache";
      const { text } = await readText(new URL(file.url), name, { mayBeAbsent, cache }, this.#tools);
      // Some sites answer with a page whatever they are asked for.
      const isPage = mayBeAbsent && text?.trimStart().startsWith("<") === true;
      if (isPage) progress.absent(name);
      return isPage ? null : text;
    }
    const data = file.kind === "data" ? file.data : await (await fetchChecked(new URL(file.url), `the model's ${name}`, context.signal)).blob();
    const source = data instanceof Blob ? new BlobSource(name, data) : new BufferSource(name, data);
    const bytes = await source.readStart(source.size);
    progress.complete(name, bytes.length);
    return new TextDecoder().decode(bytes);
  }
}

/** How a text file is read. */
interface TextOptions {
  readonly mayBeAbsent: boolean;
  readonly cache: RequestCache;
}

/** Reads a text file from a server; null where there is none and that is all right. */
export async function readText(
  url: URL,
  name: string,
  { mayBeAbsent, cache }: TextOptions,
  { context, progress }: LocatorTools,
): Promise<{ readonly text: string | null; readonly response: Response | null }> {
  progress.expect(name, null);
  try {
    const { text, response } = await askText({ url, what: `the model's ${name}`, file: name, cache }, context);
    progress.complete(name, new TextEncoder().encode(text).length);
    return { text, response };
  } catch (error) {
    if (!mayBeAbsent || !isAbsent(error)) throw error;
    progress.absent(name);
    return { text: null, response: null };
  }
}

/** Whether a server said that it doesn't have a file, and not that it doesn't know the place at all. */
export function isAbsent(error: unknown): boolean {
  return error instanceof HttpError && (error.status === 404 || error.status === 410) && (error.hubCode ?? "EntryNotFound") === "EntryNotFound";
}

/** What tells a file that was given from others; it has no spaces. */
async function identityOf(file: WireFile | null): Promise<string> {
  if (file === null) return "-";
  if (file.kind === "url") return unsigned(file.url);
  // Without it there is no storage either, which is said elsewhere.
  return globalThis.crypto?.subtle === undefined ? "-" : sha256(await bytesOf(file.data));
}

function isHttp(url: string): boolean {
  return /^https?:/i.test(url);
}

function weightsName(file: WireFile): string {
  const path = file.kind === "url" && isHttp(file.url) ? new URL(file.url).pathname : file.kind === "data" && file.data instanceof File ? file.data.name : "";
  return path.split("/").at(-1) || "model.safetensors";
}
