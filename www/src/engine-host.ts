/** Loads the engine in the background, and again where it was lost or another device is wanted. */

import type { ClipTtl, DeviceChoice, LoadProgress } from "clip-ttl";

export type EngineState =
  | { readonly kind: "idle" }
  | { readonly kind: "loading"; readonly progress: LoadProgress | null }
  | { readonly kind: "ready"; readonly clip: ClipTtl }
  | { readonly kind: "failed"; readonly error: unknown };

export class EngineHost {
  readonly #onState: (state: EngineState) => void;
  #device: DeviceChoice = "auto";
  #loading: { readonly promise: Promise<ClipTtl>; readonly abort: AbortController } | null = null;
  #state: EngineState = { kind: "idle" };

  constructor(onState: (state: EngineState) => void) {
    this.#onState = onState;
  }

  get state(): EngineState {
    return this.#state;
  }

  /** The loaded engine; loads it at the first call. Rejects with what made the loading fail. */
  ready(): Promise<ClipTtl> {
    if (this.#loading === null) {
      const abort = new AbortController();
      this.#loading = { promise: this.#load(abort.signal), abort };
    }
    return this.#loading.promise;
  }

  /**
   * Chooses the device. What was loaded for another one is let go, and the next `ready()` loads again.
   * @returns whether something was let go
   */
  useDevice(device: DeviceChoice): boolean {
    if (device === this.#device) return false;
    this.#device = device;
    const hadBegun = this.#state.kind !== "idle";
    this.discard();
    return hadBegun;
  }

  /** Lets go of an engine that can't be used any more. */
  discard(): void {
    this.#loading?.abort.abort();
    if (this.#state.kind === "ready") this.#state.clip.dispose();
    this.#loading = null;
    this.#set({ kind: "idle" });
  }

  async #load(signal: AbortSignal): Promise<ClipTtl> {
    this.#set({ kind: "loading", progress: null });
    try {
      const { ClipTtl } = await import("clip-ttl");
      const clip = await ClipTtl.load({
        model: "pocket",
        device: this.#device,
        signal,
        onProgress: (progress) => {
          if (!signal.aborted) this.#set({ kind: "loading", progress });
        },
      });
      if (signal.aborted) clip.dispose();
      else this.#set({ kind: "ready", clip });
      return clip;
    } catch (error) {
      if (!signal.aborted) {
        this.#loading = null;
        this.#set({ kind: "failed", error });
      }
      throw error;
    }
  }

  #set(state: EngineState): void {
    this.#state = state;
    this.#onState(state);
  }
}

/** Whether the browser is told to save data; not all browsers say. */
export function savesData(): boolean {
  const connection: unknown = Reflect.get(navigator, "connection");
  return typeof connection === "object" && connection !== null && Reflect.get(connection, "saveData") === true;
}
