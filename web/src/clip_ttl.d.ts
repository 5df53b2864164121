/**
 * What `crates/clip-wasm` exports, as far as the worker uses it. The module itself (`clip_ttl.js`, `clip_ttl_bg.wasm`)
 * is made by wasm-bindgen and lies beside `worker.js` in the built package.
 */

import type { ModelInfo } from "./load-types.js";
import type {
  AdapterFiles,
  Classification,
  CompareReport,
  EpisodeReport,
  MethodDescription,
  MethodName,
  MethodOutcome,
  OptionDescription,
  StepReport,
  VerifyReport,
  ViewBox,
} from "./types.js";

export default function init(options: { module_or_path: WebAssembly.Module }): Promise<unknown>;

/** Tells a function about a panic before the engine stops. To be called once, before anything else. */
export function onPanic(callback: (message: string) => void): void;

/** Panics; for tests. */
export function panicForTests(): void;

/** What methods there are, and their options. */
export function methods(): MethodDescription[];

/** The options of the views, which all methods share. */
export function viewOptions(): OptionDescription[];

export class Picture {
  private constructor();
  static decode(bytes: Uint8Array): Picture;
  static fromRgba(width: number, height: number, rgba: Uint8Array): Picture;
  readonly width: number;
  readonly height: number;
  free(): void;
}

/** Assembles a checkpoint from pieces of its file, in any order, quantising each as it comes. */
export class Loader {
  private constructor();
  /**
   * Reads configuration and header, and plans what is to be fetched; nothing of the weights is needed yet.
   *
   * @param config the text of `config.json`; without it, the file's own metadata must have it
   * @param preprocessor the text of `preprocessor_config.json`
   * @param header the first bytes of the file: eight of length, then so much JSON
   * @param fileBytes the size of the file, where it is known
   * @param dtype "auto", "f32", "f16", "q8" or "q4"
   */
  static plan(config: string | undefined, preprocessor: string | undefined, header: Uint8Array, fileBytes: number | undefined, dtype: string): Loader;
  /** [offset, length, offset, length, ...] of the pieces in the file, ascending, without overlaps; what is between them isn't needed. */
  readonly pieces: Float64Array;
  readonly summary: LoaderSummary;
  /** Takes piece `index` as it lies in the file. */
  push(index: number, bytes: Uint8Array): void;
  /** What became of piece `index`. */
  encoded(index: number): Uint8Array<ArrayBuffer>;
  /** Takes back what `encoded` gave for the same plan. */
  restore(index: number, bytes: Uint8Array): void;
  free(): void;
}

export interface LoaderSummary {
  readonly dtype: string;
  readonly fileDtype: string;
  readonly parameters: number;
  /** Sum of the pieces' lengths. */
  readonly sourceBytes: number;
  readonly residentBytes: number;
}

export class Engine {
  private constructor();
  static open(device: string): Promise<Engine>;
  readonly device: { readonly kind: "cpu" | "webgpu"; readonly name: string; readonly software: boolean };
  /** Size of the module's memory, which never shrinks. */
  readonly memoryBytes: number;
  /** Uses the loader up, also where it throws: a piece is missing, the device has no memory left. */
  loadAssembled(name: string, loader: Loader): ModelInfo;
  /** Ahead of `classify`, which then finds them encoded. */
  encodeLabels(labels: readonly string[], template: string): LabelEncoding;
  classify(picture: Picture, labels: readonly string[], template: string): Promise<Classification>;
  /** With an adapter in place for this one answer: PEFT's `adapter_model.safetensors`, and the text of `adapter_config.json`. */
  classifyWithAdapter(picture: Picture, labels: readonly string[], template: string, weights: Uint8Array, config: string): Promise<Classification>;
  /** `options` are those of the views and of the method, in camelCase; what is left out has its default. */
  start(picture: Picture, labels: readonly string[], template: string, method: string, options: object): Episode;
  /** Several methods on the same views: `{views, cropScale, seed, chunkViews, methods: [{method, options}]}`. */
  compare(picture: Picture, labels: readonly string[], template: string, request: object): Comparison;
  /** What the model's tokens are like for source pictures, as `clip-ttl stats` writes it, for what is started afterwards; without bytes, none. */
  setStatistics(bytes?: Uint8Array): void;
  verify(episode: Uint8Array): Promise<VerifyReport>;
  free(): void;
}

/** Labels on their way through the text tower. */
export class LabelEncoding {
  private constructor();
  /** Encodes some more: how many are encoded now, and how many there are. */
  advance(): [done: number, total: number];
  free(): void;
}

export class Episode {
  private constructor();
  advance(): Promise<EpisodeEvent>;
  /** What was trained, once the episode is over, as PEFT keeps it. */
  adapter(): Promise<AdapterFiles>;
  extend(steps: number): void;
  reset(): void;
  free(): void;
}

/** Several methods on one picture. */
export class Comparison {
  private constructor();
  advance(): Promise<CompareEvent>;
  free(): void;
}

/** What one call of a comparison's `advance` did; `index` is the method's place in the request. */
export type CompareEvent =
  | Extract<EpisodeEvent, { readonly type: "drawn" | "labels" | "encoding" | "zero_shot" }>
  | { readonly type: "method_started"; readonly index: number; readonly method: MethodName }
  | { readonly type: "stepping"; readonly index: number; readonly viewsDone: number; readonly viewsTotal: number }
  | ({ readonly type: "step"; readonly index: number } & StepReport)
  | { readonly type: "method_done"; readonly index: number; readonly outcome: MethodOutcome }
  | { readonly type: "done"; readonly report: CompareReport };

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
