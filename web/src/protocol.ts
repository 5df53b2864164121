/**
 * The messages between the page (`engine.ts`) and the worker that owns the engine (`worker.ts`).
 *
 * Every request has an `id`; the worker answers it with any number of `event` messages and then exactly one `result` or `error`. A `dead` message ends everything: the engine can't be used any more.
 */

import type { WireError } from "./errors.js";
import type { DeviceChoice, DeviceInfo, LoadProgress, ModelInfo, WeightsChoice } from "./load-types.js";
import type {
  AdaptProgress,
  AdapterFiles,
  Classification,
  ClassifyProgress,
  CompareProgress,
  CompareReport,
  EpisodeReport,
  MethodChoice,
  MethodDescription,
  MethodOutcome,
  StepReport,
  TtlOptions,
  VerifyReport,
  Warning,
  ZeroShot,
} from "./types.js";

/**
 * Changes whenever a message changes its meaning or a request is added: page and worker may come from different versions in a
 * cache, and a worker says nothing to requests that it doesn't know.
 */
export const PROTOCOL_VERSION = 8;

/** A picture on its way to the engine: a file for it to decode, or pixels. */
export type WireImage =
  | { readonly kind: "encoded"; readonly data: Blob | ArrayBuffer; /** Where it came from, for messages. */ readonly source: string }
  | { readonly kind: "rgba"; readonly width: number; readonly height: number; readonly data: ArrayBuffer };

/** A file of a checkpoint with a complete address, or its contents. */
export type WireFile = { readonly kind: "url"; readonly url: string } | { readonly kind: "data"; readonly data: Blob | ArrayBuffer };

/** A checkpoint as it is to be found: in a repository of a hub, or file by file. */
export type WireModel = WireRepository | WireFiles;

/** A repository of a hub. */
export interface WireRepository {
  readonly kind: "repository";
  /** How results name the model. */
  readonly name: string;
  /** The hub's address, without a slash at its end. */
  readonly hub: string;
  /** `owner/name` */
  readonly repository: string;
  /** A branch, a tag, a pull request's ref, or a commit. */
  readonly revision: string;
  /** Where the weights are in the repository; configuration and preprocessing are in the same folder. */
  readonly weightsPath: string;
}

/** A checkpoint's files, named. */
export interface WireFiles {
  readonly kind: "files";
  readonly name: string;
  /** Null: the weights' own metadata must have it. */
  readonly config: WireFile | null;
  readonly preprocessor: WireFile | null;
  readonly weights: WireFile;
  /** Statistics of source pictures, with which some methods compare; null where none are known of. */
  readonly statistics: WireFile | null;
  /** Whether configuration and preprocessing were looked for beside the weights only on the chance that they are there. */
  readonly isGuess: boolean;
  /** Whether the files are this package's own: they are left to the browser's own cache. */
  readonly isPackage: boolean;
}

/** What the page asks for, by kind: the request's fields, the answer, and what is told in between. */
export interface Exchanges {
  open: {
    request: {
      readonly model: WireModel;
      readonly dtype: WeightsChoice;
      /** Whether weights may be kept in the browser's storage. */
      readonly cache: boolean;
      readonly device: DeviceChoice;
      /** Statistics of source pictures that belong to the model; null: those that ship with it, if it has any. */
      readonly statistics: WireFile | null;
      /** Null: beside the worker. */
      /** Where the engine lies, if not beside the worker. */
      readonly folder: string | null;
    };
    result: {
      readonly device: DeviceInfo;
      readonly model: ModelInfo;
      /** At hand from now on: whoever asks what a method's options are need not wait for runs to end. */
      readonly methods: readonly MethodDescription[];
      readonly warnings: readonly Warning[];
    };
    event: LoadProgress;
  };
  classify: {
    request: {
      readonly image: WireImage;
      readonly labels: readonly string[];
      readonly template: string;
      /** To be in place for this one answer, or null. */
      readonly adapter: AdapterFiles | null;
    };
    result: Classification;
    event: ClassifyProgress;
  };
  adapt: {
    request: {
      /** The page's number of the run, by which it asks for what the run has trained. */
      readonly run: number;
      readonly image: WireImage;
      readonly labels: readonly string[];
      readonly template: string;
      readonly method: string;
      /** Those of TTL, and others of the method's own. */
      readonly options: TtlOptions;
    };
    result: EpisodeReport;
    event: RunEvent;
  };
  compare: {
    request: {
      readonly image: WireImage;
      readonly labels: readonly string[];
      readonly template: string;
      /** Options of the views, which all methods share. */
      readonly views: Pick<TtlOptions, "views" | "cropScale" | "seed" | "chunkViews">;
      readonly methods: readonly MethodChoice[];
    };
    result: CompareReport;
    event: CompareEvent;
  };
  /** What a run has trained, while the engine still has it. */
  adapter: {
    request: { readonly run: number };
    result: AdapterFiles;
    event: never;
  };
  verify: {
    request: { readonly episode: Blob | ArrayBuffer };
    result: VerifyReport;
    event: never;
  };
  memory: {
    request: Readonly<Record<never, never>>;
    /** Bytes. */
    result: number;
    event: never;
  };
}

export type RequestKind = keyof Exchanges;

/** What a run tells before it ends. */
export type RunEvent =
  | { readonly type: "progress"; readonly progress: AdaptProgress }
  | { readonly type: "zero-shot"; readonly zeroShot: ZeroShot }
  | { readonly type: "step"; readonly step: StepReport };

/** What a comparison tells before it ends. */
export type CompareEvent =
  | { readonly type: "progress"; readonly progress: CompareProgress }
  | { readonly type: "zero-shot"; readonly zeroShot: ZeroShot }
  | { readonly type: "outcome"; readonly outcome: MethodOutcome };

/** A request of one kind, ready to post. */
export type Request<K extends RequestKind = RequestKind> = {
  [Kind in K]: { readonly type: Kind; readonly id: number } & Exchanges[Kind]["request"];
}[K];

/** From the page to the worker. */
export type ToWorker =
  | Request
  /**
   * Gives up the request with this id. One that is waiting, or done piece by piece, is answered with the error `cancelled`; the page, which waits
   * no longer, takes either answer for the end.
   */
  | { readonly type: "cancel"; readonly id: number }
  /** For tests of what happens when the graphics device goes away, or the engine panics. Not part of the public interface. */
  | { readonly type: "debug-lose-device" }
  | { readonly type: "debug-panic" };

/** From the worker to the page. */
export type FromWorker =
  /** The worker's code runs. */
  | { readonly type: "hello"; readonly version: number }
  | { readonly type: "event"; readonly id: number; readonly event: Exchanges[RequestKind]["event"] }
  | { readonly type: "result"; readonly id: number; readonly result: Exchanges[RequestKind]["result"] }
  | { readonly type: "error"; readonly id: number; readonly error: WireError }
  | { readonly type: "dead"; readonly error: WireError };

const FROM_WORKER: ReadonlySet<string> = new Set<FromWorker["type"]>(["hello", "event", "result", "error", "dead"]);
const TO_WORKER: ReadonlySet<string> = new Set<ToWorker["type"]>([
  "open",
  "classify",
  "adapt",
  "compare",
  "adapter",
  "verify",
  "memory",
  "cancel",
  "debug-lose-device",
  "debug-panic",
]);

/** Whether a message is one of ours: bundlers' development servers post their own to workers and pages. */
export function isFromWorker(message: unknown): message is FromWorker {
  return hasType(message, FROM_WORKER);
}

/** Whether a message is one of ours. */
export function isToWorker(message: unknown): message is ToWorker {
  return hasType(message, TO_WORKER);
}

function hasType(message: unknown, types: ReadonlySet<string>): boolean {
  return typeof message === "object" && message !== null && "type" in message && typeof message.type === "string" && types.has(message.type);
}
