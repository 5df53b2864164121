/** What `ClipTtl.load` takes, what it tells while it works, and what it gives. Sizes are in bytes. */

import type { Warning } from "./types.js";

/** Where the model runs: `auto` takes WebGPU if a real graphics adapter answers, else the CPU. */
export type DeviceChoice = "auto" | "webgpu" | "cpu";

/** What really runs. */
export interface DeviceInfo {
  readonly kind: "cpu" | "webgpu";
  /** The graphics adapter's name as the browser gives it, or "CPU". */
  readonly name: string;
  /** Whether the graphics adapter is only imitated in software: correct, but slower than the CPU device. */
  readonly software: boolean;
}

/**
 * How the frozen matrices are kept in memory: in single or half precision, or quantised to about 8 or 4 bits. A file that is
 * quantised already stays as it is.
 */
export type WeightsFormat = "f32" | "f16" | "q8" | "q4";

/** `auto` keeps weights as they are in the file, but quantises large ones to `q8`. */
export type WeightsChoice = "auto" | WeightsFormat;

/** The sizes of a loaded CLIP. */
export interface ModelInfo {
  readonly name: string;
  /** Side of the square input, in pixels. */
  readonly imageSize: number;
  /** Side of a patch, in pixels. */
  readonly patchSize: number;
  readonly visionLayers: number;
  readonly visionWidth: number;
  readonly visionHeads: number;
  readonly textLayers: number;
  readonly textWidth: number;
  /** Length of the features that images and texts are compared by. */
  readonly projectionSize: number;
  /** Most tokens of a label within its template, start and end included. */
  readonly contextLength: number;
  /** Number of values. */
  readonly parameters: number;
  /** The format that most values are kept in that are multiplied by: all but the token embedding, of which a label needs a few rows. */
  readonly dtype: WeightsFormat;
  /** Size of the weights as they are kept. */
  readonly residentBytes: number;
}

/** A file of a checkpoint: where it lies, or the thing itself. Relative addresses count from the page. */
export type ModelFile = string | URL | Blob | ArrayBuffer | Uint8Array<ArrayBuffer>;

/** A CLIP checkpoint in Hugging Face's layout. */
export interface ModelFiles {
  /** How results name the model. */
  readonly name: string;
  /** `config.json`; may be left out where the weights' own metadata has it, as in files that `clip-ttl convert` writes. */
  readonly config?: ModelFile | undefined;
  /** `preprocessor_config.json`; without it, CLIP's own preprocessing at the model's input size. */
  readonly preprocessor?: ModelFile | undefined;
  /** `model.safetensors` in F32, F16 or BF16, or quantised by `clip-ttl convert`. */
  readonly weights: ModelFile;
}

/**
 * What can be loaded:
 * - `"pocket"`, the small CLIP that ships with this package
 * - a repository of the hub: `"owner/name"` or `"owner/name@revision"`; those of the catalogue have a known revision
 * - an address: of a `.safetensors` file with `config.json` beside it (or the configuration in its metadata), of a folder, with a
 *   slash at its end, or of a model's page on huggingface.co. Relative ones begin with `./` or `/`.
 * - a `.safetensors` file from the device that has its configuration in its metadata
 * - the files of a folder from the device, as `<input type="file" webkitdirectory>` gives them
 * - each file by itself
 */
export type ModelSource = string | URL | Blob | Iterable<File> | ArrayLike<File> | ModelFiles;

/** What `load` reports while it works. */
export interface LoadProgress {
  /**
   * `download`: files come in, and the engine is compiled. `prepare`: the device is opened, and the weights moved to it.
   * `ready`: done.
   */
  readonly stage: "download" | "prepare" | "ready";
  readonly loadedBytes: number;
  /** Null while it is not known of every file how much there is of it. Known before the first of the weights is asked for. */
  readonly totalBytes: number | null;
  /** The same for each file. */
  readonly files: readonly FileProgress[];
  /** The model's weights, once their file's header is read; null before. */
  readonly weights: WeightsProgress | null;
  /** What is being waited for before another attempt, or null. */
  readonly retry: RetryProgress | null;
  /** What went differently from what was asked, so far. */
  readonly warnings: readonly Warning[];
}

/** How far one file has come. */
export interface FileProgress {
  readonly name: string;
  readonly loadedBytes: number;
  readonly totalBytes: number | null;
}

/** How far the weights have come. They are fetched in pieces, and each is quantised when it has come. */
export interface WeightsProgress {
  /** The commit that they are from; for an address, what tells its versions apart; null where nothing does. */
  readonly revision: string | null;
  /** The number format of the file. */
  readonly fileDtype: string;
  /** The format that they are kept in. */
  readonly dtype: string;
  readonly parameters: number;
  /** What is needed of the file. */
  readonly sourceBytes: number;
  /** What they will take in memory, and in the cache. */
  readonly residentBytes: number;
  /** How much of `sourceBytes` did not have to be fetched, because the cache had what became of it. */
  readonly fromCacheBytes: number;
  readonly pieces: number;
  readonly piecesDone: number;
}

/** A pause before another attempt. */
export interface RetryProgress {
  readonly file: string;
  /** Failures in a row so far. */
  readonly failures: number;
  /** How long the pause takes; null: until the computer is connected again. */
  readonly delayMs: number | null;
  readonly reason: string;
}

export interface LoadOptions {
  /** Default: `"pocket"`. */
  readonly model?: ModelSource | undefined;
  /** Default: `"auto"`. */
  readonly dtype?: WeightsChoice | undefined;
  /** Default: `"auto"`. */
  readonly device?: DeviceChoice | undefined;
  /**
   * What `clip-ttl stats` made with this very model: some methods compare a picture with it (see `MethodDescription.needsStatistics`).
   * Fetched when a method first wants it. Default: those of the pocket model, which ship with it; none for others.
   */
  readonly statistics?: ModelFile | undefined;
  /** Address of the hub that repositories are looked up at. Default: `https://huggingface.co`. */
  readonly hub?: string | URL | undefined;
  /**
   * Whether downloaded weights are kept in the browser's storage for the next time (see `modelStorage`). Where that is refused or full,
   * loading goes on without. Local files and the pocket model are never kept. Default: true.
   */
  readonly cache?: boolean | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Folder that this package's files are served from, if it isn't the one of `index.js`. See also `setAssetBase`. */
  readonly assetBase?: string | undefined;
  /** Script of the page's own origin that imports this package's `worker.js` from another. See also `setWorkerUrl`. */
  readonly workerUrl?: string | undefined;
  /** After so long without a sign of life the engine is given up. Default: 5 minutes. */
  readonly stallTimeoutMs?: number | undefined;
}

/** A model of the catalogue. Sizes that differ by format are approximate. */
export interface CatalogueEntry {
  /** What `load` takes. */
  readonly id: string;
  readonly title: string;
  /** The commit that is loaded; null: what its branch `main` is at that time, or what a pull request there has. */
  readonly revision: string | null;
  readonly parameters: number;
  /** Side of the square input, in pixels. */
  readonly imageSize: number;
  /** Side of a patch, in pixels. */
  readonly patchSize: number;
  /** The file's size: what is downloaded the first time. */
  readonly downloadBytes: number;
  /** What the weights take in memory, and in the cache, by format. */
  readonly residentBytes: Readonly<Record<WeightsFormat, number>>;
  readonly recommendedDtype: WeightsFormat;
  /** What is known of it; it does not replace reading the page. */
  readonly licence: string;
  /** Address of the model's page. */
  readonly page: string;
}

/** A model in the browser's storage, whole or in part. */
export interface CachedModel {
  /** What `modelStorage.delete` takes. */
  readonly key: string;
  readonly name: string;
  readonly revision: string;
  /** As it was asked for. */
  readonly dtype: WeightsChoice;
  /** What is there of it. */
  readonly bytes: number;
  /** False where its download broke off; the next one goes on from there. */
  readonly complete: boolean;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
}

/** The browser's storage for this site. */
export interface StorageEstimate {
  /** What models take; null where it can't be told. */
  readonly modelBytes: number | null;
  /** What everything of this site takes; null where the browser doesn't say. */
  readonly usedBytes: number | null;
  /** What this site may take; null where the browser doesn't say. */
  readonly quotaBytes: number | null;
}
