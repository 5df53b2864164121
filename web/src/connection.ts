/** The page's end of the worker: requests and their answers, cancellation, and noticing that the engine is gone. */

import { Deferred } from "./deferred.js";
import { cancelled, ClipTtlError, fromWire, type ErrorCode } from "./errors.js";
import { isFromWorker, PROTOCOL_VERSION, type Exchanges, type FromWorker, type Request, type RequestKind, type ToWorker } from "./protocol.js";

/** The parts of `Worker` that are used here; tests have one of their own. */
export interface WorkerLike {
  postMessage(message: ToWorker, transfer: Transferable[]): void;
  terminate(): void;
  addEventListener(type: "message", listener: (event: MessageEvent<unknown>) => void): void;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
  addEventListener(type: "messageerror", listener: () => void): void;
}

/** What goes with a request. */
export interface RequestOptions<K extends RequestKind> {
  readonly onEvent?: ((event: Exchanges[K]["event"]) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Buffers that are handed over instead of copied. */
  readonly transfer?: Transferable[] | undefined;
  /** What is cancelled, for the message. */
  readonly what: string;
}

interface Pending {
  readonly answer: Deferred<unknown>;
  readonly onEvent: (event: unknown) => void;
}

/** How often a silent worker is looked at. */
const WATCH_MS = 1000;

export class Connection {
  readonly #worker: WorkerLike;
  readonly #pending = new Map<number, Pending>();
  readonly #hello = new Deferred<void>();
  readonly #stallTimeoutMs: number;
  readonly #ifSilent: string;
  #lastId = 0;
  #greeted = false;
  #closed: ClipTtlError | null = null;
  #watch: ReturnType<typeof setInterval> | undefined;
  #silentMs = 0;

  /** `ifSilent`: why the worker has probably failed if it ends without having said anything or why. */
  constructor(worker: WorkerLike, stallTimeoutMs: number, ifSilent = "the engine's worker could not be started") {
    this.#worker = worker;
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#ifSilent = ifSilent;
    worker.addEventListener("message", (event) => {
      if (isFromWorker(event.data)) this.#receive(event.data);
    });
    worker.addEventListener("error", (event) => this.#fail(event));
    worker.addEventListener("messageerror", () => this.close(new ClipTtlError("unknown", "a message of the engine could not be read")));
    this.#watchSilence();
  }

  /** Why it can't be used any more, or null. */
  get closed(): ClipTtlError | null {
    return this.#closed;
  }

  /** Resolves when the worker's code runs. */
  get hello(): Promise<void> {
    return this.#hello.promise;
  }

  /** Asks the worker for something; rejects with a `ClipTtlError`. */
  async request<K extends RequestKind>(type: K, fields: Exchanges[K]["request"], options: RequestOptions<K>): Promise<Exchanges[K]["result"]> {
    const { signal, what } = options;
    if (this.#closed !== null) throw again(this.#closed);
    if (signal?.aborted === true) throw cancelled(what, signal);
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = new Deferred<unknown>();
    const onEvent = options.onEvent as ((event: unknown) => void) | undefined;
    this.#pending.set(id, { answer, onEvent: (event) => onEvent?.(event) });
    const onAbort = (): void => {
      this.#pending.delete(id);
      this.#post({ type: "cancel", id });
      answer.reject(cancelled(what, signal));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      this.#send({ type, id, ...fields } as unknown as Request, options.transfer ?? []);
      this.#watchSilence();
      return (await answer.promise) as Exchanges[K]["result"];
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#pending.delete(id);
      this.#watchSilence();
    }
  }

  /** For tests of a lost graphics device, and of a panic. */
  breakForTests(how: "debug-lose-device" | "debug-panic"): void {
    this.#post({ type: how });
  }

  /** Ends the worker. Everything that is awaited, and every later request, rejects with `reason`. */
  close(reason: ClipTtlError): void {
    if (this.#closed !== null) return;
    this.#closed = reason;
    clearInterval(this.#watch);
    this.#worker.terminate();
    this.#hello.reject(reason);
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { answer } of waiting) answer.reject(again(reason));
  }

  #receive(message: FromWorker): void {
    this.#silentMs = 0;
    switch (message.type) {
      case "hello":
        this.#greet(message.version);
        break;
      case "event":
        this.#pending.get(message.id)?.onEvent(message.event);
        break;
      case "result":
        this.#pending.get(message.id)?.answer.resolve(message.result);
        break;
      case "error":
        this.#pending.get(message.id)?.answer.reject(fromWire(message.error));
        break;
      case "dead":
        this.close(fromWire(message.error));
        break;
    }
  }

  #greet(version: number): void {
    if (version !== PROTOCOL_VERSION) {
      const reason = `worker.js is of another version than index.js (${version}, not ${PROTOCOL_VERSION})`;
      this.close(new ClipTtlError("worker-failed", reason));
      return;
    }
    this.#greeted = true;
    this.#hello.resolve();
    this.#watchSilence();
  }

  /** An exception that nobody caught in the worker, or a worker that could not be loaded. */
  #fail(event: ErrorEvent): void {
    const code: ErrorCode = this.#greeted ? "engine-crashed" : "worker-failed";
    const reason = event.message || (this.#greeted ? "the engine stopped" : this.#ifSilent);
    this.close(new ClipTtlError(code, reason, { cause: event.error ?? undefined }));
  }

  #send(message: Request, transfer: Transferable[]): void {
    try {
      this.#worker.postMessage(message, transfer);
    } catch (cause) {
      // Functions, DOM nodes and the like can't be sent.
      throw new ClipTtlError("argument-invalid", `${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }

  #post(message: ToWorker): void {
    if (this.#closed === null) this.#worker.postMessage(message, []);
  }

  /**
   * Gives the engine up when it has been silent for too long while something is awaited. Counts ticks instead of
   * comparing clocks, so that a computer that slept, or a tab in the background, does not count as a stalled engine.
   */
  #watchSilence(): void {
    const waits = this.#closed === null && (this.#pending.size > 0 || !this.#greeted);
    if (!waits) {
      clearInterval(this.#watch);
      this.#watch = undefined;
      return;
    }
    if (this.#watch !== undefined) return;
    this.#silentMs = 0;
    this.#watch = setInterval(() => {
      this.#silentMs += WATCH_MS;
      if (this.#silentMs < this.#stallTimeoutMs) return;
      const seconds = Math.round(this.#stallTimeoutMs / 1000);
      const code: ErrorCode = this.#greeted ? "engine-stalled" : "worker-failed";
      this.close(new ClipTtlError(code, `the engine has said nothing for ${seconds} seconds`));
    }, WATCH_MS);
  }
}

/** The same error for another promise, with a stack of its own. */
function again(error: ClipTtlError): ClipTtlError {
  return new ClipTtlError(error.code, error.reason, { cause: error.cause, option: error.option });
}
