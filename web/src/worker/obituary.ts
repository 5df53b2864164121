/** Tells the page, once, that the engine can't be used any more, and why: a lost device, a panic, no memory left. */

import { ClipTtlError, toWire, type ErrorCode, type WireError } from "../errors.js";
import type { GpuWatch } from "./gpu-watch.js";

/** A lost device makes the engine fail first, and is reported as lost a moment later; on a busy machine that took more than 250 ms. */
const LOSS_MS = 1500;

export class Obituary {
  readonly #gpu: GpuWatch;
  readonly #publish: (error: WireError) => void;
  #panic: string | null = null;
  #isEnding = false;
  #isDead = false;

  constructor(gpu: GpuWatch, publish: (error: WireError) => void) {
    this.#gpu = gpu;
    this.#publish = publish;
    gpu.whenLost(() => this.#die("device-lost", ""));
  }

  /** Whether the engine is at its end, although the page may not have been told yet. */
  get isWritten(): boolean {
    return this.#isEnding || this.#isDead;
  }

  /** The engine's panic hook: called before the trap, so the message is known when the trap arrives. */
  panicked(message: string): void {
    this.#panic = message;
    void this.#dieOf("engine-crashed", `the engine stopped because of a bug: ${message}`);
  }

  /** An exception that nobody has caught. */
  crashed(error: unknown): void {
    if (this.#panic !== null) return;
    const message = error instanceof Error ? error.message : String(error);
    // Rust stops without a panic when it gets no memory. Safari writes it with a capital.
    const isAbort = error instanceof WebAssembly.RuntimeError && /unreachable/i.test(message);
    if (isAbort) void this.#dieOf("out-of-memory", "the engine stopped, most likely because it got no more memory");
    else void this.#dieOf("engine-crashed", `the engine stopped: ${message}`);
  }

  /** Whether an error of a request means the end of the engine; then the page is told that instead. */
  async claims(error: unknown): Promise<boolean> {
    if (this.isWritten) return true;
    if (error instanceof WebAssembly.RuntimeError || isStackOverflow(error)) {
      this.crashed(error);
      return true;
    }
    if (toWire(error).code !== "device-failed") return false;
    await this.#untilLossIsKnown();
    return this.#isDead;
  }

  async #dieOf(code: ErrorCode, reason: string): Promise<void> {
    this.#isEnding = true;
    await this.#untilLossIsKnown();
    this.#die(code, reason);
  }

  async #untilLossIsKnown(): Promise<void> {
    if (this.#gpu.loss === null) await new Promise((resolve) => setTimeout(resolve, LOSS_MS));
  }

  #die(code: ErrorCode, reason: string): void {
    if (this.#isDead) return;
    this.#isDead = true;
    const { loss } = this.#gpu;
    const error =
      loss === null ? new ClipTtlError(code, reason) : new ClipTtlError("device-lost", `the browser has taken the graphics device away (${loss})`);
    this.#publish(toWire(error));
  }
}

/** A `RangeError` in Chromium and Safari, an `InternalError` in Firefox. */
function isStackOverflow(error: unknown): boolean {
  return error instanceof Error && /call stack|too much recursion/i.test(error.message);
}
