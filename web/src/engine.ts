/** `ClipTtl`: a loaded model in a worker of its own. */

import { RunController, type AdaptRun } from "./adapt-run.js";
import { assetFolder, startWorker, workerAddress, type StartedWorker } from "./assets.js";
import type { CompareRun } from "./compare-run.js";
import { Connection } from "./connection.js";
import { asClipTtlError, cancelled, ClipTtlError } from "./errors.js";
import { checkDtype, resolveModel, resolveStatistics } from "./hub/resolve.js";
import { prepareImage, transferables } from "./image.js";
import type { DeviceInfo, LoadOptions, ModelInfo } from "./load-types.js";
import type { CompareEvent, Exchanges, RunEvent } from "./protocol.js";
import { RunFeed } from "./run-feed.js";
import { DEFAULT_TEMPLATE } from "./template.js";
import type {
  AdaptOptions,
  AdapterFiles,
  ClassifyOptions,
  CompareOptions,
  CompareReport,
  EpisodeReport,
  ImageInput,
  LabelScore,
  MethodChoice,
  MethodDescription,
  MethodOutcome,
  VerifyReport,
  Warning,
} from "./types.js";

const DEFAULT_STALL_TIMEOUT_MS = 5 * 60 * 1000;

/**
 * A CLIP that classifies pictures, and adapts itself to single ones, in a worker of its own. Nothing leaves the machine.
 *
 * Calls that come while another is being worked on wait for their turn. Every error is a `ClipTtlError`.
 */
export class ClipTtl {
  /** What the model runs on. */
  readonly device: DeviceInfo;
  readonly model: ModelInfo;
  /** What went differently from what was asked while loading: a model that could not be kept for the next time, say. */
  readonly warnings: readonly Warning[];
  readonly #connection: Connection;
  readonly #methods: readonly MethodDescription[];
  #runs = 0;

  private constructor(connection: Connection, { device, model, methods, warnings }: Exchanges["open"]["result"]) {
    this.#connection = connection;
    this.#methods = methods;
    this.device = device;
    this.model = model;
    this.warnings = warnings;
  }

  /** Loads a model, from the browser's storage as far as it is there. Several can be loaded at the same time; each has its own worker. */
  static async load(options: LoadOptions = {}): Promise<ClipTtl> {
    const { signal } = options;
    if (signal?.aborted === true) throw cancelled("Loading", signal);
    const folder = assetFolder(options.assetBase);
    const model = resolveModel(options.model, { folder, hub: options.hub });
    const dtype = checkDtype(options.dtype);
    const statistics = resolveStatistics(options.statistics);
    const { worker, ifSilent } = newWorker(folder, workerAddress(options.workerUrl));
    const connection = new Connection(worker, options.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS, ifSilent);
    const onAbort = (): void => connection.close(cancelled("Loading", signal));
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await connection.hello;
      const fields = { model, dtype, cache: options.cache ?? true, device: options.device ?? "auto", statistics, folder };
      const opened = await connection.request("open", fields, { what: "Loading", onEvent: options.onProgress });
      return new ClipTtl(connection, opened);
    } catch (error) {
      const failure = asClipTtlError(error);
      connection.close(failure);
      throw failure;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** How well each label fits, the best first. */
  async classify(image: ImageInput, labels: readonly string[], options: ClassifyOptions = {}): Promise<LabelScore[]> {
    const { signal, template, onWarning, onProgress } = options;
    const adapter = checkAdapter(options.adapter);
    const wire = await this.#prepare(image, labels, signal);
    const fields = { image: wire, labels: [...labels], template: template ?? DEFAULT_TEMPLATE, adapter };
    const result = await this.#connection.request("classify", fields, { what: "Classifying", signal, onEvent: onProgress, transfer: transferables(wire) });
    for (const warning of result.warnings) onWarning?.(warning);
    return result.scores.map(({ label, probability }) => ({ label, score: probability })).sort((a, b) => b.score - a.score);
  }

  /**
   * Adapts the model to one picture. The adaptation is forgotten at the end: every run begins with the model as loaded.
   */
  adapt(image: ImageInput, labels: readonly string[], options: AdaptOptions = {}): AdaptRun {
    const { abort, release } = follow(options.signal);
    this.#runs += 1;
    const run = this.#runs;
    const askForAdapter = (): Promise<AdapterFiles> => this.#connection.request("adapter", { run }, { what: "Asking for the adapter" });
    const controller = new RunController(() => abort.abort(), askForAdapter);
    void this.#adapt(run, image, labels, options, controller, abort.signal)
      .then(
        (report) => controller.finish(report),
        (error: unknown) => controller.fail(asClipTtlError(error)),
      )
      .finally(release);
    return controller.run;
  }

  /**
   * Runs several methods on the same views of one picture. What they share (the views, the frozen blocks, the labels) is computed once. A method
   * that fails says so in its outcome, and the others go on; what all share, such as the labels, fails the whole.
   */
  compare(image: ImageInput, labels: readonly string[], options: CompareOptions): CompareRun {
    const { abort, release } = follow(options?.signal);
    const feed = new RunFeed<MethodOutcome, CompareReport>(() => abort.abort());
    void this.#compare(image, labels, options, feed, abort.signal)
      .then(
        (report) => feed.finish(report),
        (error: unknown) => feed.fail(asClipTtlError(error)),
      )
      .finally(release);
    return feed.fed;
  }

  /** What methods there are: what each does, its paper, and its options with defaults and limits. */
  async methods(): Promise<readonly MethodDescription[]> {
    const { closed } = this.#connection;
    if (closed !== null) throw closed;
    return this.#methods;
  }

  /** Replays an episode that PyTorch recorded (see tests/oracle), and compares every quantity: a check of this device. */
  async verify(episode: Blob | ArrayBuffer, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<VerifyReport> {
    return this.#connection.request("verify", { episode }, { what: "Verifying", signal: options.signal });
  }

  /**
   * Bytes of the engine's WebAssembly memory. It never shrinks, so this is the most that the engine has needed since it was
   * started: loading, classifying and adapting included. What a graphics device holds is not in it.
   */
  async memoryBytes(): Promise<number> {
    return this.#connection.request("memory", {}, { what: "Asking for the memory's size" });
  }

  /**
   * Why it can't be used any more, or null.
   *
   * @internal for the element, whose engines may end while nothing is asked of them
   */
  get closed(): ClipTtlError | null {
    return this.#connection.closed;
  }

  /** Ends the worker and frees all memory. What is still awaited rejects with the code `disposed`. */
  dispose(): void {
    this.#connection.close(new ClipTtlError("disposed", "this engine was disposed of"));
  }

  /**
   * Takes the graphics device away as a driver's crash would, or lets the engine panic.
   *
   * @internal for tests
   */
  breakForTests(how: "lose-device" | "panic"): void {
    this.#connection.breakForTests(`debug-${how}`);
  }

  async #adapt(
    run: number,
    image: ImageInput,
    labels: readonly string[],
    options: AdaptOptions,
    controller: RunController,
    signal: AbortSignal,
  ): Promise<EpisodeReport> {
    const { method = "ttl", methodOptions, template, signal: _signal, onProgress, ...settings } = options;
    if (typeof method !== "string") throw new ClipTtlError("argument-invalid", "method must be a string");
    const wire = await this.#prepare(image, labels, signal);
    const given = withoutUndefined({ ...settings, ...methodOptions });
    const fields = { run, image: wire, labels: [...labels], template: template ?? DEFAULT_TEMPLATE, method, options: given };
    const onEvent = (event: RunEvent): void => {
      switch (event.type) {
        case "progress":
          onProgress?.(event.progress);
          break;
        case "zero-shot":
          controller.tellZeroShot(event.zeroShot);
          break;
        case "step":
          controller.tell(event.step);
          break;
      }
    };
    return this.#connection.request("adapt", fields, { what: "The run", signal, onEvent, transfer: transferables(wire) });
  }

  async #compare(
    image: ImageInput,
    labels: readonly string[],
    options: CompareOptions,
    feed: RunFeed<MethodOutcome, CompareReport>,
    signal: AbortSignal,
  ): Promise<CompareReport> {
    const methods = checkMethods(options?.methods);
    const { template, views, cropScale, seed, chunkViews, onProgress } = options;
    const wire = await this.#prepare(image, labels, signal);
    const ofViews = withoutUndefined({ views, cropScale, seed, chunkViews });
    const fields = { image: wire, labels: [...labels], template: template ?? DEFAULT_TEMPLATE, views: ofViews, methods };
    const onEvent = (event: CompareEvent): void => {
      switch (event.type) {
        case "progress":
          onProgress?.(event.progress);
          break;
        case "zero-shot":
          feed.tellZeroShot(event.zeroShot);
          break;
        case "outcome":
          feed.tell(event.outcome);
          break;
      }
    };
    return this.#connection.request("compare", fields, { what: "The comparison", signal, onEvent, transfer: transferables(wire) });
  }

  async #prepare(image: ImageInput, labels: readonly string[], signal: AbortSignal | undefined): ReturnType<typeof prepareImage> {
    const { closed } = this.#connection;
    if (closed !== null) throw closed;
    if (!Array.isArray(labels) || !labels.every((label) => typeof label === "string")) {
      throw new ClipTtlError("argument-invalid", "labels must be a list of strings");
    }
    return prepareImage(image, signal);
  }
}

function newWorker(folder: string | null, workerUrl: string | null): StartedWorker {
  try {
    return startWorker(folder, workerUrl);
  } catch (cause) {
    if (cause instanceof ClipTtlError) throw cause;
    throw new ClipTtlError("worker-failed", "the browser refused to start the engine's worker", { cause });
  }
}

/** An adapter's two files; from callers without types it may be anything. */
function checkAdapter(adapter: AdapterFiles | undefined): AdapterFiles | null {
  if (adapter === undefined || adapter === null) return null;
  const { weights, config } = adapter;
  if (Object.prototype.toString.call(weights) !== "[object Uint8Array]" || typeof config !== "string") {
    throw new ClipTtlError("argument-invalid", "adapter must be { weights, config }: a Uint8Array and a string");
  }
  return { weights, config };
}

/** The methods to compare; from callers without types they may be anything. */
function checkMethods(methods: readonly MethodChoice[] | undefined): MethodChoice[] {
  const isList = Array.isArray(methods) && methods.length > 0 && methods.every((choice) => typeof choice?.method === "string");
  if (!isList) throw new ClipTtlError("argument-invalid", "methods must be a list of at least one { method, options }");
  return methods.map(({ method, options }) => ({ method, options: withoutUndefined(options ?? {}) }));
}

/** A way to call something off that the caller's own signal calls off as well; to be released at its end. */
function follow(signal: AbortSignal | undefined): { readonly abort: AbortController; readonly release: () => void } {
  const abort = new AbortController();
  const onAbort = (): void => abort.abort(signal?.reason);
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  return { abort, release: () => signal?.removeEventListener("abort", onAbort) };
}

/** Settings that are there but undefined count as not given. */
function withoutUndefined<Settings extends object>(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Settings;
}
