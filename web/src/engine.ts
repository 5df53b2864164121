/** `ClipTtl`: a loaded model in a worker of its own. */

import { RunController, type AdaptRun } from "./adapt-run.js";
import { assetFolder, assetUrl, startWorker } from "./assets.js";
import { Connection } from "./connection.js";
import { cancelled, ClipTtlError } from "./errors.js";
import { checkDtype, resolveModel } from "./hub/resolve.js";
import { prepareImage, transferables } from "./image.js";
import type { DeviceInfo, LoadOptions, ModelInfo } from "./load-types.js";
import type { Exchanges, RunEvent } from "./protocol.js";
import type { AdaptOptions, ClassifyOptions, EpisodeReport, ImageInput, LabelScore, TtlOptions, VerifyReport, Warning } from "./types.js";

/** The sentence around a label, as in the papers. */
export const DEFAULT_TEMPLATE = "a photo of a {}.";
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

  private constructor(connection: Connection, { device, model, warnings }: Exchanges["open"]["result"]) {
    this.#connection = connection;
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
    const connection = new Connection(newWorker(folder), options.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS);
    const onAbort = (): void => connection.close(cancelled("Loading", signal));
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await connection.hello;
      const wasmUrl = folder === null ? null : assetUrl(folder, "clip_ttl_bg.wasm");
      const fields = { model, dtype, cache: options.cache ?? true, device: options.device ?? "auto", wasmUrl };
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
    const { signal, template } = options;
    const wire = await this.#prepare(image, labels, signal);
    const fields = { image: wire, labels: [...labels], template: template ?? DEFAULT_TEMPLATE };
    const result = await this.#connection.request("classify", fields, { what: "Classifying", signal, transfer: transferables(wire) });
    return result.scores.map(({ label, probability }) => ({ label, score: probability })).sort((a, b) => b.score - a.score);
  }

  /**
   * Adapts the model to one picture. The adaptation is forgotten at the end: every run begins with the model as loaded.
   */
  adapt(image: ImageInput, labels: readonly string[], options: AdaptOptions = {}): AdaptRun {
    const abort = new AbortController();
    const { signal } = options;
    const onAbort = (): void => abort.abort(signal?.reason);
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    const controller = new RunController(() => abort.abort());
    void this.#adapt(image, labels, options, controller, abort.signal)
      .then(
        (report) => controller.finish(report),
        (error: unknown) => controller.fail(asClipTtlError(error)),
      )
      .finally(() => signal?.removeEventListener("abort", onAbort));
    return controller.run;
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

  async #adapt(image: ImageInput, labels: readonly string[], options: AdaptOptions, controller: RunController, signal: AbortSignal): Promise<EpisodeReport> {
    const { method, template, signal: _signal, onProgress, ...settings } = options;
    if (method !== undefined && method !== "ttl") {
      throw new ClipTtlError("option-invalid", `method = ${String(method)} is not possible: ttl`, { option: "method" });
    }
    const wire = await this.#prepare(image, labels, signal);
    const fields = { image: wire, labels: [...labels], template: template ?? DEFAULT_TEMPLATE, options: withoutUndefined(settings) };
    const onEvent = (event: RunEvent): void => {
      switch (event.type) {
        case "progress":
          onProgress?.(event.progress);
          break;
        case "zero-shot":
          controller.tellZeroShot(event.zeroShot);
          break;
        case "step":
          controller.tellStep(event.step);
          break;
      }
    };
    return this.#connection.request("adapt", fields, { what: "The run", signal, onEvent, transfer: transferables(wire) });
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

function newWorker(folder: string | null): Worker {
  try {
    return startWorker(folder);
  } catch (cause) {
    throw new ClipTtlError("worker-failed", "the browser refused to start the engine's worker", { cause });
  }
}

/** Settings that are there but undefined count as not given. */
function withoutUndefined(settings: TtlOptions): TtlOptions {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function asClipTtlError(error: unknown): ClipTtlError {
  if (error instanceof ClipTtlError) return error;
  return new ClipTtlError("unknown", error instanceof Error ? error.message : String(error), { cause: error });
}
