/**
 * What `crates/clip-wasm` exports, as far as the worker uses it. The module itself (`clip_ttl.js`, `clip_ttl_bg.wasm`)
 * is made by wasm-bindgen and lies beside `worker.js` in the built package.
 */

import type { Classification, EpisodeReport, ModelInfo, StepReport, VerifyReport, ViewBox } from "./types.js";

export default function init(options: { module_or_path: WebAssembly.Module }): Promise<unknown>;

/** Tells a function about a panic before the engine stops. To be called once, before anything else. */
export function onPanic(callback: (message: string) => void): void;

/** Panics; for tests. */
export function panicForTests(): void;

export class Picture {
  private constructor();
  static decode(bytes: Uint8Array): Picture;
  static fromRgba(width: number, height: number, rgba: Uint8Array): Picture;
  readonly width: number;
  readonly height: number;
  free(): void;
}

export class Engine {
  private constructor();
  static open(device: string): Promise<Engine>;
  readonly device: { readonly kind: "cpu" | "webgpu"; readonly name: string; readonly software: boolean };
  load(name: string, config: string, preprocessor: string | undefined, weights: Uint8Array): ModelInfo;
  classify(picture: Picture, labels: readonly string[], template: string): Promise<Classification>;
  start(picture: Picture, labels: readonly string[], template: string, options: object): Episode;
  verify(episode: Uint8Array): Promise<VerifyReport>;
  free(): void;
}

export class Episode {
  private constructor();
  advance(): Promise<EpisodeEvent>;
  extend(steps: number): void;
  reset(): void;
  free(): void;
}

/** What one call of `advance` did. */
export type EpisodeEvent =
  | { readonly type: "drawn"; readonly views: readonly ViewBox[] }
  | { readonly type: "labels"; readonly labelsDone: number; readonly labelsTotal: number }
  | { readonly type: "encoding"; readonly viewsDone: number; readonly viewsTotal: number }
  | { readonly type: "zero_shot"; readonly probabilities: readonly number[]; readonly entropy: number }
  | { readonly type: "stepping"; readonly step: number; readonly steps: number; readonly viewsDone: number; readonly viewsTotal: number }
  | ({ readonly type: "step" } & StepReport)
  | { readonly type: "measuring"; readonly viewsDone: number; readonly viewsTotal: number }
  | ({ readonly type: "done" } & EpisodeReport);
