/**
 * Asking a server for something, again where that may help, with errors that say what happened.
 *
 * Requests are plain GETs; the one header that is ever set is a single simple `Range`, which needs no leave by CORS. The hub redirects
 * to servers that refuse HEAD and anything that has to be asked for beforehand.
 */

import { cancelled, ClipTtlError, type ErrorCode } from "../errors.js";
import { answersWithoutReading, shortUrl } from "../fetching.js";
import type { RetryProgress } from "../load-types.js";

/** How long to insist. */
export interface HttpSettings {
  /** After so many failures in a row the last one counts. */
  readonly attempts: number;
  /** The first pause; each further one is twice as long. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** How long to wait for a computer that is not connected. */
  readonly offlineMs: number;
  /** A server that is silent for so long counts as broken off. */
  readonly stallMs: number;
}

export const PATIENT: HttpSettings = { attempts: 6, firstDelayMs: 500, longestDelayMs: 15_000, offlineMs: 120_000, stallMs: 30_000 };

/** A server's wish to be left alone for longer than this is not heeded: nobody would wait. */
const LONGEST_WISH_MS = 60_000;

/** For so long at least a server is left alone that was asked too often, where its wish can't be seen. */
const UNSEEN_WISH_MS = 2000;

/** With so much having come since, a failure doesn't count as one in a row. */
const PROGRESS_BYTES = 256 * 1024;

/** Why one attempt failed. */
export class HttpError extends ClipTtlError {
  /** Whether another attempt may go better. */
  readonly isTransient: boolean;
  /** The server's answer, where there was one. */
  readonly status: number | null;
  /** The hub's own word for what is wrong, such as `RepoNotFound`. */
  readonly hubCode: string | null;
  /** How long the server wants to be left alone. */
  readonly wishMs: number | null;
  /** Whether the browser doesn't tell why: a refusal by CORS looks the same as a server that isn't there. */
  readonly isOpaque: boolean;

  constructor(code: ErrorCode, reason: string, details: HttpErrorDetails = {}) {
    super(code, reason, { cause: details.cause });
    this.isTransient = details.isTransient ?? false;
    this.status = details.status ?? null;
    this.hubCode = details.hubCode ?? null;
    this.wishMs = details.wishMs ?? null;
    this.isOpaque = details.isOpaque ?? false;
  }
}

interface HttpErrorDetails {
  readonly cause?: unknown;
  readonly isTransient?: boolean;
  readonly status?: number;
  readonly hubCode?: string | null;
  readonly wishMs?: number | null;
  readonly isOpaque?: boolean;
}

/** What all requests of a load have in common. */
export interface HttpContext {
  /** May change from one attempt to the next. */
  readonly settings: HttpSettings;
  readonly signal: AbortSignal;
  /** Is told of pauses, and with null that one is over. */
  readonly onRetry: (waiter: object, retry: RetryProgress | null) => void;
  /** What has been answered before, so that a failure there is none of CORS. */
  readonly answered: Set<string>;
}

/** One thing to ask for. */
export interface Request {
  readonly url: URL;
  /** The thing in messages, as in "the model's config.json". */
  readonly what: string;
  /** The file's name, for progress. */
  readonly file: string;
  /** First and last byte. */
  readonly range?: readonly [first: number, last: number] | undefined;
  /**
   * The browser's own cache. Large files go past it: it would keep them a second time, and makes requests for parts of one
   * file wait for each other.
   */
  readonly cache: RequestCache;
}

/** Counts failures in a row, and waits between attempts. */
export class Retries {
  readonly #context: HttpContext;
  readonly #file: string;
  #failures = 0;
  #bytes = 0;

  constructor(context: HttpContext, file: string) {
    this.#context = context;
    this.#file = file;
  }

  get failures(): number {
    return this.#failures;
  }

  progressed(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < PROGRESS_BYTES) return;
    this.#failures = 0;
    this.#bytes = 0;
  }

  /** Waits before the next attempt; throws the error where there should be none. */
  async after(error: unknown): Promise<void> {
    if (!(error instanceof HttpError) || !error.isTransient) throw error;
    const { settings, signal } = this.#context;
    this.#failures += 1;
    this.#bytes = 0;
    if (this.#failures >= settings.attempts) throw error;
    const isOffline = globalThis.navigator?.onLine === false;
    if (isOffline && settings.offlineMs === 0) throw error;
    const delayMs = isOffline ? null : this.#delayMs(error.wishMs);
    this.#context.onRetry(this, { file: this.#file, failures: this.#failures, delayMs, reason: error.reason });
    try {
      if (delayMs !== null) await pause(delayMs, signal);
      else if (!(await untilOnline(settings.offlineMs, signal))) throw error;
    } finally {
      this.#context.onRetry(this, null);
    }
  }

  /** Doubles each time; a part of it is chance, so that many who were refused at once don't come back at once. */
  #delayMs(wishMs: number | null): number {
    const { firstDelayMs, longestDelayMs } = this.#context.settings;
    const full = Math.min(longestDelayMs, firstDelayMs * 2 ** (this.#failures - 1));
    const own = full * (0.5 + 0.5 * Math.random());
    return Math.round(Math.max(own, Math.min(wishMs ?? 0, LONGEST_WISH_MS)));
  }
}

/** An answer, its body not yet read. */
export class Reply {
  readonly response: Response;
  readonly #request: Request;
  readonly #attempt: Attempt;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | null;

  constructor(response: Response, request: Request, attempt: Attempt) {
    this.response = response;
    this.#request = request;
    this.#attempt = attempt;
    this.#reader = response.body?.getReader() ?? null;
  }

  /** The next bytes, or null at the end. */
  async next(): Promise<Uint8Array | null> {
    if (this.#reader === null) return null;
    this.#attempt.watch();
    try {
      const { done, value } = await this.#reader.read();
      if (done) this.#attempt.end();
      return done ? null : value;
    } catch (cause) {
      this.#attempt.end();
      throw this.#attempt.explain(cause, () => {
        const reason = `${this.#request.what} came only in part: ${shortUrl(this.#request.url)} broke off`;
        return new HttpError("network", reason, { cause, isTransient: true });
      });
    } finally {
      this.#attempt.rest();
    }
  }

  /** Lets the rest go. */
  cancel(): void {
    this.#attempt.end();
    this.#attempt.abort.abort();
  }
}

/** One attempt's own way to be broken off: by the caller, or because nothing comes. */
class Attempt {
  readonly abort = new AbortController();
  readonly #signal: AbortSignal;
  readonly #request: Request;
  readonly #stallMs: number;
  readonly #onAbort = (): void => this.abort.abort();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hasStalled = false;

  constructor(request: Request, { settings, signal }: HttpContext) {
    this.#signal = signal;
    this.#request = request;
    this.#stallMs = settings.stallMs;
    if (signal.aborted) throw cancelled(`Reading ${request.what}`, signal);
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** From now on something must come. */
  watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#hasStalled = true;
      this.abort.abort();
    }, this.#stallMs);
  }

  /** For now nothing is waited for. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.rest();
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  explain(cause: unknown, otherwise: () => HttpError): ClipTtlError {
    if (this.#signal.aborted) return cancelled(`Reading ${this.#request.what}`, this.#signal);
    if (!this.#hasStalled) return otherwise();
    const seconds = Math.round(this.#stallMs / 1000);
    const reason = `${this.#request.what} does not come: ${shortUrl(this.#request.url)} has sent nothing for ${seconds} seconds`;
    return new HttpError("network", reason, { cause, isTransient: true });
  }
}

/** Asks until there is an answer with a status of success, or it is clear that there will be none. */
export async function ask(request: Request, context: HttpContext, retries = new Retries(context, request.file)): Promise<Reply> {
  for (;;) {
    try {
      return await askOnce(request, context);
    } catch (error) {
      if (retries.failures > 0 && isSuspect(error, request, context) && (await answersWithoutReading(request.url))) return await askLast(request, context);
      await retries.after(error);
    }
  }
}

/** Asks for a text. */
export async function askText(request: Request, context: HttpContext): Promise<{ readonly text: string; readonly response: Response }> {
  const retries = new Retries(context, request.file);
  for (;;) {
    const reply = await ask(request, context, retries);
    try {
      const decoder = new TextDecoder();
      let text = "";
      for (let bytes = await reply.next(); bytes !== null; bytes = await reply.next()) text += decoder.decode(bytes, { stream: true });
      return { text: text + decoder.decode(), response: reply.response };
    } catch (error) {
      await retries.after(error);
    }
  }
}

async function askOnce(request: Request, context: HttpContext): Promise<Reply> {
  const { url, what, range } = request;
  const attempt = new Attempt(request, context);
  const headers: HeadersInit = range === undefined ? {} : { range: `bytes=${range[0]}-${range[1]}` };
  let response: Response;
  attempt.watch();
  try {
    response = await fetch(url, { headers, cache: request.cache, signal: attempt.abort.signal });
  } catch (cause) {
    attempt.end();
    throw attempt.explain(cause, () => new HttpError("network", `${what} can't be read: ${shortUrl(url)} does not answer`, { cause, isTransient: true, isOpaque: true }));
  }
  attempt.rest();
  context.answered.add(keyOf(request));
  if (response.ok) return new Reply(response, request, attempt);
  attempt.end();
  attempt.abort.abort();
  throw refusal(response, request);
}

/** A server that answers where nothing has to be read refuses reading, most likely. Its last chance, as it may have been luck. */
async function askLast(request: Request, context: HttpContext): Promise<Reply> {
  try {
    return await askOnce(request, context);
  } catch (cause) {
    if (!isSuspect(cause, request, context)) throw cause;
    throw new HttpError("cors", `${request.what} at ${shortUrl(request.url)} may not be read by this site`, { cause });
  }
}

function isSuspect(error: unknown, request: Request, context: HttpContext): boolean {
  const isOwn = request.url.origin === globalThis.location?.origin;
  return error instanceof HttpError && error.isOpaque && !isOwn && !context.answered.has(keyOf(request));
}

/** A part of a file may be refused where the whole is not. */
function keyOf({ url, range }: Request): string {
  return `${range === undefined ? "whole" : "part"} ${url.href}`;
}

function refusal(response: Response, { url, what }: Request): HttpError {
  const { status, statusText, headers } = response;
  const reason = `${what} can't be read: ${shortUrl(url)} answered ${`${status} ${statusText}`.trim()}`;
  const details = { status, hubCode: headers.get("x-error-code") };
  if (status === 401 || status === 403) return new HttpError("model-unauthorized", reason, details);
  if (status === 408 || status === 429 || status >= 500) {
    const wishMs = wishOf(headers.get("retry-after")) ?? (status === 429 ? UNSEEN_WISH_MS : null);
    return new HttpError("model-unavailable", reason, { ...details, isTransient: true, wishMs });
  }
  return new HttpError("http-status", reason, details);
}

/** `Retry-After` has seconds or a date. Of another origin a page sees it only where the server exposes it. */
function wishOf(header: string | null): number | null {
  if (header === null) return null;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

/** Waits; throws if the signal is aborted. */
export async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await waitFor(delayMs, signal, () => () => undefined);
}

/** Waits until the computer is connected; false if that takes too long. */
async function untilOnline(longestMs: number, signal: AbortSignal): Promise<boolean> {
  return waitFor(longestMs, signal, (resolve) => {
    globalThis.addEventListener("online", resolve);
    return () => globalThis.removeEventListener("online", resolve);
  });
}

/** Whether the event came before the time was over. */
function waitFor(longestMs: number, signal: AbortSignal, listen: (resolve: () => void) => () => void): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      stop();
      signal.removeEventListener("abort", onAbort);
    };
    const onAbort = (): void => {
      end();
      reject(cancelled("Loading", signal));
    };
    const timer = setTimeout(() => {
      end();
      resolve(false);
    }, longestMs);
    const stop = listen(() => {
      end();
      resolve(true);
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}
