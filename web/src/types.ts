/**
 * What goes in and what comes out, as JavaScript sees it.
 *
 * Results have the keys of the command line's `--json`, in camelCase. Entropies and losses are in nats, times in
 * milliseconds, boxes in pixels of the upright picture.
 */

import type { DeviceInfo } from "./load-types.js";

/**
 * A picture. Encoded ones (files, addresses, `<img>` with an address) are decoded by the engine where it knows the
 * format, with their orientation and over white, else by the browser; the others are taken as the pixels that the browser has.
 */
export type ImageInput =
  | File
  | Blob
  | URL
  | string
  | ArrayBuffer
  | Uint8Array<ArrayBuffer>
  | ImageData
  | ImageBitmap
  | HTMLImageElement
  | HTMLCanvasElement
  | OffscreenCanvas;

/** A label and how well it fits, between 0 and 1. */
export interface LabelScore {
  readonly label: string;
  readonly score: number;
}

/** A label and its probability among all labels. */
export interface LabelProbability {
  readonly label: string;
  readonly probability: number;
}

/** Something that went differently from what was asked, though not wrong: a label that was cut, an early stop. */
export interface Warning {
  readonly code: string;
  readonly message: string;
}

/** How far a classification has come. */
export type ClassifyProgress = Extract<AdaptProgress, { readonly stage: "labels" }>;

export interface ClassifyOptions {
  /** The sentence around each label, with `{}` where the label goes. Default: `a photo of a {}.` */
  readonly template?: string | undefined;
  /** An adapter to put in place for this one answer: what `run.adapter()` gave, or any LoRA of PEFT's that fits the model. */
  readonly adapter?: AdapterFiles | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called for each thing that went differently from what was asked, before the answer comes: a label that was cut, say. */
  readonly onWarning?: ((warning: Warning) => void) | undefined;
  /** Called as labels are encoded that weren't before. */
  readonly onProgress?: ((progress: ClassifyProgress) => void) | undefined;
}

/** A trained LoRA as PEFT keeps it: two files, which belong in one folder under these names. */
export interface AdapterFiles {
  /** `adapter_model.safetensors` */
  readonly weights: Uint8Array<ArrayBuffer>;
  /** The text of `adapter_config.json`. */
  readonly config: string;
}

/** A classification with all that is known about it. */
export interface Classification {
  readonly model: string;
  readonly device: DeviceInfo["kind"];
  readonly deviceName: string;
  readonly template: string;
  /** In the order of the labels given. */
  readonly scores: readonly LabelProbability[];
  readonly entropy: number;
  readonly warnings: readonly Warning[];
  readonly timingMs: Readonly<Record<"text" | "image" | "total", number>>;
}

/** The settings of TTL (arXiv 2407.15913). Defaults are the paper's. */
export interface TtlOptions {
  /** Number of updates. Default: 1. */
  readonly steps?: number | undefined;
  /** Default: 0.005. */
  readonly learningRate?: number | undefined;
  /** Number of views, the centre crop included. Default: 64. */
  readonly views?: number | undefined;
  /** Smallest and largest share of the picture's area in a random crop. Default: [0.08, 1]. */
  readonly cropScale?: readonly [number, number] | undefined;
  /** Rank of the low-rank adapters. Default: 16. */
  readonly rank?: number | undefined;
  /** The adapters' output is scaled by alpha / rank. Default: 32. */
  readonly alpha?: number | undefined;
  /** How many of the last vision blocks have adapters. Default: 3. */
  readonly layers?: number | undefined;
  /** The projections of attention that have adapters. Default: query and value. */
  readonly targets?: readonly AdapterTarget[] | undefined;
  /** A view of entropy H counts exp(margin - H) in the loss. Default: 0.4. */
  readonly margin?: number | undefined;
  /** AdamW's. Default: 0.01. */
  readonly weightDecay?: number | undefined;
  /** AdamW's. Default: [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** AdamW's. Default: 1e-8. */
  readonly epsilon?: number | undefined;
  /** Of the crops and of the adapters' first values: the same seed gives the same result. Default: 0. */
  readonly seed?: number | undefined;
  /** Views that are worked on at once: fewer need less memory. Default: 16. */
  readonly chunkViews?: number | undefined;
}

/** Settings with none left out. */
type Given<Options> = { readonly [Key in keyof Options]-?: Exclude<Options[Key], undefined> };

/** Settings as a run used them: those of the views, and those of its method by their names in camelCase. A run of TTL has all of `TtlOptions`. */
export type UsedOptions = MethodOptions & Given<Pick<TtlOptions, "views" | "cropScale" | "seed" | "chunkViews">> & Partial<AllOptions>;

/** Those of a run of TTL. */
export type AllOptions = Given<TtlOptions>;

/** A projection of the attention layer. */
export type AdapterTarget = "q_proj" | "k_proj" | "v_proj" | "out_proj";

/** The methods of adaptation. */
export type MethodName =
  | "ttl"
  | "tpt"
  | "c-tpt"
  | "tps"
  | "prompt-align"
  | "foa"
  | "oftta"
  | "apt"
  | "dect"
  | "zero"
  | "mta"
  | "sts"
  | "marginal";

/** The value of a method's option. */
export type OptionValue = number | boolean | string | readonly (number | string)[];

export interface AdaptOptions extends TtlOptions {
  /** Default: `"ttl"`. */
  readonly method?: MethodName | undefined;
  /** Further options of the method, by their names in camelCase; `methods()` and the docs list them. */
  readonly methodOptions?: Readonly<Record<string, OptionValue>> | undefined;
  /** The sentence around each label, with `{}` where the label goes. Default: `a photo of a {}.` */
  readonly template?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each bounded piece of work. */
  readonly onProgress?: ((progress: AdaptProgress) => void) | undefined;
}

/** How far a run has come. */
export type AdaptProgress =
  /** Another run is under way on the same engine. */
  | { readonly stage: "queued" }
  /** The views' places in the picture are known; nothing is computed yet. */
  | { readonly stage: "drawn"; readonly views: readonly ViewBox[] }
  /** The labels go through the text tower, once for each set of labels. */
  | { readonly stage: "labels"; readonly labelsDone: number; readonly labelsTotal: number }
  /** The views go through the blocks without adapters, once. */
  | { readonly stage: "encoding"; readonly viewsDone: number; readonly viewsTotal: number }
  /** Step `step` (from 1) of `steps`: the views go through the blocks with adapters. */
  | { readonly stage: "stepping"; readonly step: number; readonly steps: number; readonly viewsDone: number; readonly viewsTotal: number }
  /** The views are measured once more after the last step. */
  | { readonly stage: "measuring"; readonly viewsDone: number; readonly viewsTotal: number };

/** The prediction before any step. */
export interface ZeroShot {
  /** In the order of the labels given. */
  readonly probabilities: readonly number[];
  readonly entropy: number;
}

/** The views' state at one point of an adaptation, in three numbers. */
export interface ViewsSummary {
  readonly loss: number;
  /** Mean of the views' entropies. */
  readonly entropy: number;
  /** Entropy of the mean of the views' predictions. */
  readonly marginalEntropy: number;
}

/** The views' state at one point of an adaptation. Each list has an entry for each view, the centre crop first. */
export interface ViewsState extends ViewsSummary {
  readonly viewEntropies: readonly number[];
  /** How much each counts in the loss. */
  readonly viewWeights: readonly number[];
  /** Which label each view is taken for: the place of its likeliest one in the list of labels. */
  readonly viewLabels: readonly number[];
  /** That label's probability. */
  readonly viewProbabilities: readonly number[];
}

/** How far an adapter has moved the matrix that it stands beside. */
export interface AdapterNorm {
  readonly tower: "vision" | "text";
  /** The tower's block, from 0. */
  readonly block: number;
  readonly projection: AdapterTarget;
  /** Frobenius norm of the change: alpha / rank * B * A. */
  readonly norm: number;
}

/** One step. The views' figures are measured before its update (they are what its gradient was of), the prediction after it. */
export interface StepReport extends ViewsState {
  /** From 1. */
  readonly step: number;
  /** Probabilities of the centre crop after the update, in the order of the labels given. */
  readonly prediction: readonly number[];
  readonly predictionEntropy: number;
  /** After the update; empty for methods that train no adapters. */
  readonly adapterNorms: readonly AdapterNorm[];
  readonly durationMs: number;
}

/** Where a crop lies, in pixels of the upright picture. */
export interface CropBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Where a view lies. The first is the centre crop, the one that predicts. */
export interface ViewBox {
  readonly box: CropBox;
  /** Whether it is mirrored. */
  readonly flip: boolean;
}

/** One view of the picture, before and after. */
export interface ViewReport extends ViewBox {
  readonly entropyBefore: number | null;
  /** Null where the run stopped before the views were measured again. */
  readonly entropyAfter: number | null;
  /** How much it counted in the loss of the first step; null where there was none. */
  readonly weight: number | null;
}

/** A whole adaptation. */
export interface EpisodeReport<Options = UsedOptions> {
  readonly model: string;
  readonly device: DeviceInfo["kind"];
  readonly deviceName: string;
  readonly method: string;
  readonly seed: number;
  readonly template: string;
  readonly labels: readonly string[];
  /** All settings as they were used. */
  readonly options: Options;
  /** In the order of the labels given. */
  readonly before: readonly LabelProbability[];
  readonly after: readonly LabelProbability[];
  readonly beforeEntropy: number;
  readonly steps: readonly StepReport[];
  /** The views after the last update, or null if the run stopped before they could be measured. */
  readonly finalState: ViewsState | null;
  readonly views: readonly ViewReport[];
  readonly warnings: readonly Warning[];
  /** Why the run ended before its last step, or null. */
  readonly stopped: { readonly step: number; readonly reason: string } | null;
  readonly timingMs: Readonly<Record<"text" | "views" | "trunk" | "steps" | "measure" | "total", number>>;
}

/** A whole adaptation by TTL. */
export type TtlReport = EpisodeReport<AllOptions>;

/** What a method is called and does. */
export interface MethodDescription {
  /** Such as "c-tpt". */
  readonly name: MethodName;
  readonly title: string;
  readonly paper: { readonly authors: string; readonly title: string; readonly year: number; readonly url: string } | null;
  /** One sentence. */
  readonly summary: string;
  /** Whether it works on features alone, with forward passes, or with gradients. */
  readonly kind: "features" | "forward" | "gradient";
  /** It can't do without what `load` takes as `statistics`. */
  readonly needsStatistics: boolean;
  readonly options: readonly OptionDescription[];
}

/** What an option is called, does, and may be. */
export interface OptionDescription {
  readonly name: string;
  readonly title: string;
  /** One sentence. */
  readonly description: string;
  /** A list has some of `choices`; without them, as many numbers as the default, or any texts. */
  readonly kind: "integer" | "number" | "range" | "choice" | "flag" | "list";
  readonly default: OptionValue;
  readonly min: number | null;
  /** Some have a smaller one still, that depends on the model. */
  readonly max: number | null;
  readonly choices: readonly string[];
  /** The paper's value, where the default is another one. */
  readonly paperDefault: OptionValue | null;
}

/** Options of a method, by their names in camelCase; what is left out has its default. */
export type MethodOptions = Readonly<Record<string, OptionValue>>;

/** A method to compare, and how it is set. */
export interface MethodChoice {
  readonly method: MethodName;
  readonly options?: MethodOptions | undefined;
}

export interface CompareOptions {
  /** What is compared, in this order. One method may be there several times, with other options. */
  readonly methods: readonly MethodChoice[];
  /** The sentence around each label, with `{}` where the label goes. Default: `a photo of a {}.` */
  readonly template?: string | undefined;
  /** Number of views, the centre crop included; all methods see the same. Default: 64. */
  readonly views?: number | undefined;
  /** Smallest and largest share of the picture's area in a random crop. Default: [0.08, 1]. */
  readonly cropScale?: readonly [number, number] | undefined;
  /** Of the crops and of whatever the methods draw: the same seed gives the same result. Default: 0. */
  readonly seed?: number | undefined;
  /** Views that are worked on at once: fewer need less memory. Default: 16. */
  readonly chunkViews?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each bounded piece of work. */
  readonly onProgress?: ((progress: CompareProgress) => void) | undefined;
}

/** How far a comparison has come; `index` is the method's place in the list. */
export type CompareProgress =
  | Extract<AdaptProgress, { readonly stage: "queued" | "drawn" | "labels" | "encoding" }>
  | { readonly stage: "method"; readonly index: number; readonly method: MethodName }
  /** The method's views, or its candidates, go through the blocks that it works on. */
  | { readonly stage: "stepping"; readonly index: number; readonly viewsDone: number; readonly viewsTotal: number }
  | { readonly stage: "step"; readonly index: number; readonly step: StepReport };

/** What a method came to; the prediction is the one without adaptation where it failed or was stopped. */
export interface MethodOutcome {
  readonly method: MethodName;
  readonly title: string;
  /** Its options, with none left out. */
  readonly options: MethodOptions;
  /** In the order of the labels given. */
  readonly after: readonly LabelProbability[];
  readonly entropy: number;
  readonly steps: readonly StepReport[];
  /** Beside what all methods share. */
  readonly costMs: number;
  /** Views forward through the vision tower's blocks, beside what all methods share; 1 is one pass of all views through all blocks. */
  readonly forwardPasses: number;
  /** The same backward. */
  readonly backwardPasses: number;
  readonly warnings: readonly Warning[];
  /** Why it failed, or null: the others go on. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** A whole comparison. */
export interface CompareReport {
  readonly model: string;
  readonly device: DeviceInfo["kind"];
  readonly deviceName: string;
  readonly seed: number;
  readonly template: string;
  readonly labels: readonly string[];
  /** Of the centre crop, in the order of the labels given. */
  readonly before: readonly LabelProbability[];
  readonly beforeEntropy: number;
  readonly views: readonly ViewBox[];
  /** In the order in which the methods were given. */
  readonly outcomes: readonly MethodOutcome[];
  readonly warnings: readonly Warning[];
  /** `steps` and `measure` are of all methods together. */
  readonly timingMs: EpisodeReport["timingMs"];
}

/** How far the engine's numbers are from those of a recorded episode. */
export interface VerifyReport {
  readonly method: string;
  readonly device: DeviceInfo["kind"];
  readonly deviceName: string;
  readonly passed: boolean;
  readonly quantities: readonly VerifiedQuantity[];
}

/** The comparison of one quantity over all steps. */
export interface VerifiedQuantity {
  readonly name: string;
  readonly largestError: number;
  /** Where the largest error is. */
  readonly at: string;
  readonly tolerance: number;
  /** Whether errors are shares of the tensor's largest value. */
  readonly relative: boolean;
  /** How many values were compared. */
  readonly compared: number;
  readonly passed: boolean;
}
