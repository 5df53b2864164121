/** Loads the engine in the background, and again where it was lost or another device is wanted. */

import type { ClipTtl, DeviceChoice, LoadOptions, LoadProgress } from "clip-ttl";
import { POCKET, type ModelChoice } from "./model-choice.js";

export type EngineState =
  | { readonly kind: "idle" }
  | { readonly kind: "loading"; readonly progress: LoadProgress | null }
  | { readonly kind: "ready"; readonly clip: ClipTtl }
  | { readonly kind: "failed"; readonly error: unknown };

interface Loading {
  readonly promise: Promise<ClipTtl>;
  readonly abort: AbortController;
  /** Whether it was loaded elsewhere, while another model was in use. */
  readonly isAdopted: boolean;
}

export class EngineHost {
  readonly #onState: (state: EngineState) => void;
  #choice: ModelChoice = POCKET;
  #device: DeviceChoice = "auto";
  #loading: Loading | null = null;
  #state: EngineState = { kind: "idle" };

  constructor(onState: (state: EngineState) => void) {
    this.#onState = onState;
  }

  get state(): EngineState {
    return this.#state;
  }

  /** The model in use, or to be used. */
  get choice(): ModelChoice {
    return this.#choice;
  }

  get device(): DeviceChoice {
    return this.#device;
  }

  /** Names the model that the first `ready()` loads. */
  begin(choice: ModelChoice): void {
    if (this.#loading === null) this.#choice = choice;
  }

  /** The loaded engine; loads it at the first call. Rejects with what made the loading fail. */
  async ready(): Promise<ClipTtl> {
    for (;;) {
      const loading = this.#begin();
      try {
        return await loading.promise;
      } catch (error) {
        // Another model has taken its place before it was there: then that one is meant.
        if (this.#loading === loading || this.#loading?.isAdopted !== true) throw error;
      }
    }
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

  /** Takes another model, loaded already, in place of the present one. */
  adopt(clip: ClipTtl, choice: ModelChoice): void {
    this.#release();
    this.#choice = choice;
    this.#loading = { promise: Promise.resolve(clip), abort: new AbortController(), isAdopted: true };
    this.#set({ kind: "ready", clip });
  }

  /** Lets go of an engine that can't be used any more. */
  discard(): void {
    this.#release();
    this.#set({ kind: "idle" });
  }

  #release(): void {
    this.#loading?.abort.abort();
    if (this.#state.kind === "ready") this.#state.clip.dispose();
    this.#loading = null;
  }

  #begin(): Loading {
    if (this.#loading === null) {
      const abort = new AbortController();
      this.#loading = { promise: this.#load(abort.signal), abort, isAdopted: false };
    }
    return this.#loading;
  }

  async #load(signal: AbortSignal): Promise<ClipTtl> {
    this.#set({ kind: "loading", progress: null });
    try {
      const clip = await loadChoice(this.#choice, {
        device: this.#device,
        signal,
        onProgress: (progress) => {
          if (!signal.aborted) this.#set({ kind: "loading", progress });
        },
      });
      if (signal.aborted) {
        clip.dispose();
        throw signal.reason;
      }
      this.#set({ kind: "ready", clip });
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

/** Loads a model into an engine of its own. */
export async function loadChoice({ model, dtype, hub }: ModelChoice, options: LoadOptions): Promise<ClipTtl> {
  const { ClipTtl } = await import("clip-ttl");
  return ClipTtl.load({ model, dtype, hub: hub ?? undefined, ...options });
}

/** Whether the browser is told to save data; not all browsers say. */
export function savesData(): boolean {
  const connection: unknown = Reflect.get(navigator, "connection");
  return typeof connection === "object" && connection !== null && Reflect.get(connection, "saveData") === true;
}
