/**
 * A file on a server, read in parts.
 *
 * Parts are asked for by `Range`. Of a server that doesn't know that, or whose parts can't be used (compressed, of the wrong
 * place, refused by CORS), the whole file is read from front to back instead, and cut up on the way: it never stands in memory.
 */

import { ask, HttpError, Retries, type HttpContext, type Reply } from "./http.js";
import { readTotal, versionOf, type Version } from "./response-facts.js";
import { SourceChanged, tooShort, type ByteSource } from "./source.js";
import { WholeBody } from "./whole-body.js";

export interface HttpSourceOptions {
  readonly name: string;
  /** The thing in messages, as in "the model's model.safetensors". */
  readonly what: string;
  readonly context: HttpContext;
  /** Whether to read from front to back from the beginning, with the browser's own cache: for files of this package. */
  readonly isSequential: boolean;
  /** Whether the address names a version: then different servers behind it may tell different ETags of the same bytes. */
  readonly isImmutable: boolean;
  /** What was known of the file earlier. */
  readonly earlier?: { readonly size: number | null; readonly version: string | null } | undefined;
}

/** A part of the file that somebody waits for. */
interface Waiting {
  readonly offset: number;
  readonly length: number;
  readonly mayEnd: boolean;
  readonly onBytes: (count: number) => void;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

export class HttpSource implements ByteSource {
  readonly name: string;
  readonly #url: URL;
  readonly #options: HttpSourceOptions;
  readonly #context: HttpContext;
  readonly #abort = new AbortController();
  readonly #waiting: Waiting[] = [];
  #size: number | null;
  #version: Version | null = null;
  #isSequential: boolean;
  #body: WholeBody | null = null;
  #isPumping = false;
  #endedAt: number | null = null;
  /** The file's first bytes: more than its header, and the weights begin right behind that. */
  #start: Uint8Array = new Uint8Array();

  constructor(url: URL, options: HttpSourceOptions) {
    this.name = options.name;
    this.#url = url;
    this.#options = options;
    this.#context = this.#ownContext(options.context);
    this.#isSequential = options.isSequential;
    this.#size = options.earlier?.size ?? null;
  }

  get size(): number | null {
    return this.#size;
  }

  get version(): string | null {
    return this.#version?.text ?? this.#options.earlier?.version ?? null;
  }

  get isSequential(): boolean {
    return this.#isSequential;
  }

  async readStart(length: number): Promise<Uint8Array> {
    this.#start = await this.#read(0, length, true, () => undefined);
    return this.#start;
  }

  async read(offset: number, length: number, onBytes: (count: number) => void): Promise<Uint8Array> {
    const known = this.#start.subarray(offset, offset + length);
    if (known.length === 0) return this.#read(offset, length, false, onBytes);
    const bytes = new Uint8Array(length);
    bytes.set(known);
    onBytes(known.length);
    if (known.length < length) {
      bytes.set(await this.#read(offset + known.length, length - known.length, false, (count) => onBytes(known.length + count)), known.length);
    }
    return bytes;
  }

  close(): void {
    this.#abort.abort();
    this.#dropBody();
  }

  /** The load's, but for what ends the requests. */
  #ownContext(context: HttpContext): HttpContext {
    const { signal, onRetry, answered } = context;
    const onAbort = (): void => this.#abort.abort(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    return {
      // How long to insist may change on the way.
      get settings() {
        return context.settings;
      },
      signal: this.#abort.signal,
      onRetry,
      answered,
    };
  }

  #dropBody(): void {
    this.#body?.cancel();
    this.#body = null;
  }

  async #read(offset: number, length: number, mayEnd: boolean, onBytes: (count: number) => void): Promise<Uint8Array> {
    const part = this.#isSequential ? null : await this.#readPart(offset, length, mayEnd, onBytes);
    if (part !== null) return part;
    this.#isSequential = true;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ offset, length, mayEnd, onBytes, resolve, reject });
      void this.#pump();
    });
  }

  /** Reads a part by `Range`, going on where it broke off; null where this server's parts can't be used. */
  async #readPart(offset: number, length: number, mayEnd: boolean, onBytes: (count: number) => void): Promise<Uint8Array | null> {
    const retries = new Retries(this.#context, this.name);
    const bytes = new Uint8Array(length);
    let count = 0;
    while (count < length) {
      const reply = await this.#askForPart(offset + count, offset + length - 1, retries, mayEnd && count === 0);
      if (reply === "end") return new Uint8Array();
      if (reply === null) return null;
      const before = count;
      try {
        for (let chunk = await reply.next(); chunk !== null; chunk = await reply.next()) {
          // More than was asked for: these are not the bytes that the header speaks of.
          if (count + chunk.length > length) return reply.cancel(), null;
          bytes.set(chunk, count);
          count += chunk.length;
          retries.progressed(chunk.length);
          onBytes(count);
        }
      } catch (error) {
        await retries.after(error);
        continue;
      }
      if (count === length) break;
      if (mayEnd && (this.#size === null || offset + count >= this.#size)) return bytes.slice(0, count);
      if (this.#size !== null && offset + count >= this.#size) throw tooShort(this.name, this.#size);
      // Some servers give less than they were asked for; the rest has to be asked for again. Nothing at all is a fault.
      if (count === before) await retries.after(this.#brokenOff(offset + count));
    }
    return bytes;
  }

  /** The answer to a request for a part, checked; null where parts can't be used, and "end" where the file has none there. */
  async #askForPart(first: number, last: number, retries: Retries, mayEnd: boolean): Promise<Reply | "end" | null> {
    const { what } = this.#options;
    let reply: Reply;
    try {
      reply = await ask({ url: this.#url, what, file: this.name, range: [first, last], cache: "no-store" }, this.#context, retries);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      // The request for the whole file is simpler, and may be let through where this one isn't.
      if (error.code === "cors") return null;
      if (error.status === 416 && mayEnd) return "end";
      if (error.status === 416) throw tooShort(this.name, this.#size ?? first);
      throw error;
    }
    if (reply.response.status === 200) {
      this.#adopt(reply);
      return null;
    }
    if (!isPart(reply.response, first, last)) {
      reply.cancel();
      return null;
    }
    this.#note(reply);
    return reply;
  }

  /** Serves who waits, the frontmost first: the body passes by only once. */
  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    for (;;) {
      this.#waiting.sort((a, b) => a.offset - b.offset);
      const next = this.#waiting.shift();
      if (next === undefined) break;
      await this.#serve(next).then(next.resolve, next.reject);
    }
    this.#isPumping = false;
  }

  async #serve({ offset, length, mayEnd, onBytes }: Waiting): Promise<Uint8Array> {
    const retries = new Retries(this.#context, this.name);
    const bytes = new Uint8Array(length);
    let count = 0;
    while (count < length) {
      try {
        const body = await this.#bodyBefore(offset + count, retries);
        const chunk = await body.next(length - count);
        if (chunk === null) {
          if (mayEnd) return bytes.slice(0, count);
          throw this.#endOfBody(offset + count);
        }
        bytes.set(chunk, count);
        count += chunk.length;
        retries.progressed(chunk.length);
        onBytes(count);
      } catch (error) {
        this.#dropBody();
        await retries.after(error);
      }
    }
    return bytes;
  }

  /** The body at a place of the file; begins anew where it has passed by or broken off. */
  async #bodyBefore(offset: number, retries: Retries): Promise<WholeBody> {
    if (this.#body === null || this.#body.position > offset) {
      this.#dropBody();
      const { what, isSequential } = this.#options;
      this.#adopt(await ask({ url: this.#url, what, file: this.name, cache: isSequential ? "default" : "no-store" }, this.#context, retries));
    }
    const body = this.#body;
    if (body === null) throw this.#brokenOff(offset);
    if (!(await body.skipTo(offset))) throw this.#endOfBody(body.position);
    return body;
  }

  #adopt(reply: Reply): void {
    this.#isSequential = true;
    // Several parts may have been asked for at the same time; one body is enough.
    if (this.#body !== null) return reply.cancel();
    try {
      this.#note(reply);
    } catch (error) {
      reply.cancel();
      throw error;
    }
    this.#body = new WholeBody(reply);
  }

  /** A body that ends too early has broken off without being noticed, or the file is too short. The second time it is the latter. */
  #endOfBody(position: number): Error {
    if (this.#endedAt === position || position === this.#size) return tooShort(this.name, position);
    this.#endedAt = position;
    return this.#brokenOff(position);
  }

  #brokenOff(position: number): HttpError {
    return new HttpError("network", `${this.#options.what} came only in part: it broke off after ${position} bytes`, { isTransient: true });
  }

  /** Compares what an answer tells of the file with what was told before. */
  #note({ response }: Reply): void {
    const size = readTotal(response);
    if (size !== null && this.#size !== null && size !== this.#size) throw new SourceChanged(`${this.name} has ${size} bytes, not ${this.#size} as before`);
    const version = versionOf(response);
    const before = this.version;
    if (!this.#options.isImmutable && version !== null && before !== null && version.text !== before && version.isComparable(before)) {
      throw new SourceChanged(`${this.name} is another version than before`);
    }
    this.#size ??= size;
    this.#version ??= version;
  }
}

/** Whether an answer is what was asked for, as far as it says. */
function isPart({ headers, status }: Response, first: number, last: number): boolean {
  if (status !== 206) return false;
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding !== "identity") return false;
  if (headers.get("content-type")?.startsWith("multipart/") === true) return false;
  const range = headers.get("content-range");
  // Other sites' headers can only be seen where they allow it.
  if (range === null) return true;
  const [, start, end] = /^bytes (\d+)-(\d+)\/(?:\d+|\*)$/.exec(range) ?? [];
  return Number(start) === first && Number(end) <= last;
}
