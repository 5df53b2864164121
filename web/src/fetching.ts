/** Fetching, with errors that say what happened and what to do. Used on the page for pictures and in the worker for models. */

import { cancelled, ClipTtlError } from "./errors.js";

/** A server that has not answered by then is not there. */
const PROBE_MS = 10_000;

const SCHEMES: ReadonlySet<string> = new Set(["http:", "https:", "data:", "blob:"]);

/**
 * A response with a success status.
 *
 * @param what names the thing in messages, as in "the picture".
 */
export async function fetchChecked(url: URL, what: string, signal?: AbortSignal): Promise<Response> {
  if (!SCHEMES.has(url.protocol)) {
    throw new ClipTtlError("url-invalid", `${what} can't be read from "${shortUrl(url)}"`);
  }
  let response: Response;
  try {
    response = await fetch(url, signal === undefined ? {} : { signal });
  } catch (cause) {
    const reason = signal?.aborted === true ? null : await explainFailure(url, what, cause, signal);
    if (reason === null || signal?.aborted === true) throw cancelled(`Reading ${what}`, signal);
    throw reason;
  }
  if (!response.ok) {
    const status = `${response.status} ${response.statusText}`.trim();
    throw new ClipTtlError("http-status", `${what} can't be read: ${shortUrl(url)} answered ${status}`);
  }
  return response;
}

/** A refusal by CORS and a server that isn't there look the same to a script; asking without reading tells them apart. */
async function explainFailure(url: URL, what: string, cause: unknown, signal: AbortSignal | undefined): Promise<ClipTtlError> {
  const isRemote = url.protocol.startsWith("http") && url.origin !== globalThis.location?.origin;
  if (isRemote && (await answersWithoutReading(url, signal))) {
    return new ClipTtlError("cors", `${what} at ${shortUrl(url)} may be shown, but not read`, { cause });
  }
  if (url.protocol === "blob:" || url.protocol === "data:") {
    const policy = `the page's Content-Security-Policy has no ${url.protocol} in connect-src`;
    const reason = url.protocol === "blob:" ? `the page that made this address has released it, or ${policy}` : `it is no valid address, or ${policy}`;
    return new ClipTtlError("network", `${what} at ${shortUrl(url)} can't be read: ${reason}`, { cause });
  }
  return new ClipTtlError("network", `${what} can't be read: ${shortUrl(url)} does not answer`, { cause });
}

/** Whether a server answers at all, though nothing of its answer may be seen; false once the signal is aborted. */
export async function answersWithoutReading(url: URL, signal?: AbortSignal): Promise<boolean> {
  const body = new AbortController();
  const stop = (): void => body.abort();
  const timer = setTimeout(stop, PROBE_MS);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    await fetch(url, { mode: "no-cors", signal: body.signal });
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    body.abort();
  }
}

/** An address for a message: data: addresses can be megabytes long. */
export function shortUrl(url: URL): string {
  const longest = 120;
  return url.href.length <= longest ? url.href : `${url.href.slice(0, longest)}\u2026`;
}

/** The number of bytes that a reader of the body will see, or null where the server doesn't say or has compressed them. */
export function expectedBytes(headers: Headers): number | null {
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding !== "identity") return null;
  const length = headers.get("content-length");
  if (length === null || !/^\d+$/.test(length)) return null;
  return Number(length);
}

/** What a file or a buffer holds. */
export async function bytesOf(data: Blob | ArrayBuffer): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(data instanceof Blob ? await data.arrayBuffer() : data);
}

/** Reads a body to its end, telling after each piece how many bytes have come. */
export async function readBody(response: Response, url: URL, what: string, onBytes: (loaded: number) => void, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const expected = expectedBytes(response.headers);
  const reader = response.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  const pieces = new Pieces(expected, what);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      onBytes(pieces.length);
    }
  } catch (cause) {
    if (signal?.aborted === true) throw cancelled(`Reading ${what}`, signal);
    throw new ClipTtlError("network", `${what} came only in part: ${shortUrl(url)} broke off after ${pieces.length} bytes`, { cause });
  }
  if (expected !== null && pieces.length < expected) {
    throw new ClipTtlError("network", `${what} came only in part: ${pieces.length} of ${expected} bytes of ${shortUrl(url)}`);
  }
  return pieces.join();
}

/** Collects a body. Where its length is known, into one buffer from the start: weights should not lie in memory twice. */
class Pieces {
  #whole: Uint8Array<ArrayBuffer> | null;
  #parts: Uint8Array[] = [];
  length = 0;

  constructor(expected: number | null, what: string) {
    try {
      this.#whole = expected === null ? null : new Uint8Array(expected);
    } catch (cause) {
      throw new ClipTtlError("out-of-memory", `there is not enough memory for ${what}: ${expected} bytes`, { cause });
    }
  }

  push(piece: Uint8Array): void {
    if (this.#whole !== null && this.length + piece.length > this.#whole.length) {
      this.#parts = [this.#whole.subarray(0, this.length)];
      this.#whole = null;
    }
    if (this.#whole === null) this.#parts.push(piece);
    else this.#whole.set(piece, this.length);
    this.length += piece.length;
  }

  join(): Uint8Array<ArrayBuffer> {
    if (this.#whole !== null) return this.#whole;
    const whole = new Uint8Array(this.length);
    let offset = 0;
    for (const part of this.#parts) {
      whole.set(part, offset);
      offset += part.length;
    }
    return whole;
  }
}
