/** The checkpoints that can be loaded, and how their files are fetched. */

import { absoluteUrl, assetUrl } from "./assets.js";
import { ClipTtlError } from "./errors.js";
import { expectedBytes, fetchChecked, readBody } from "./fetching.js";
import type { WireFile, WireModel } from "./protocol.js";
import type { FileProgress, LoadProgress, ModelFile, ModelFiles } from "./types.js";

/** The small CLIP that lies beside this package's code. Bundlers look for exactly these expressions. */
function pocketFiles(folder: string | null): ModelFiles {
  if (folder !== null) {
    const file = (name: string): string => assetUrl(folder, `models/pocket/${name}`);
    return { name: "pocket", config: file("config.json"), preprocessor: file("preprocessor_config.json"), weights: file("model.safetensors") };
  }
  return {
    name: "pocket",
    config: new URL("./models/pocket/config.json", import.meta.url),
    preprocessor: new URL("./models/pocket/preprocessor_config.json", import.meta.url),
    weights: new URL("./models/pocket/model.safetensors", import.meta.url),
  };
}

/** The files of the model that was asked for, ready to be sent to the worker. */
export function resolveModel(model: "pocket" | ModelFiles | undefined, folder: string | null): WireModel {
  const files = model === undefined || model === "pocket" ? pocketFiles(folder) : model;
  if (typeof files !== "object" || files === null) {
    throw new ClipTtlError("model-unknown", `there is no model "${String(files)}"`);
  }
  for (const key of ["name", "config", "weights"] as const) {
    if (files[key] === undefined || files[key] === "") throw new ClipTtlError("model-unknown", `the model's "${key}" is missing`);
  }
  return {
    name: String(files.name),
    config: wireFile(files.config, "config"),
    preprocessor: files.preprocessor === undefined ? null : wireFile(files.preprocessor, "preprocessor"),
    weights: wireFile(files.weights, "weights"),
  };
}

function wireFile(file: ModelFile, key: string): WireFile {
  if (typeof file === "string" || file instanceof URL) return { kind: "url", url: absoluteUrl(file).href };
  if (file instanceof Blob || file instanceof ArrayBuffer) return { kind: "data", data: file };
  if (file instanceof Uint8Array) {
    const isWhole = file.byteOffset === 0 && file.byteLength === file.buffer.byteLength;
    return { kind: "data", data: isWhole ? file.buffer : file.slice().buffer };
  }
  throw new ClipTtlError("model-unknown", `the model's "${key}" is neither an address nor a file`);
}

/** Adds up the progress of several files. */
export class DownloadProgress {
  readonly #files = new Map<string, { loadedBytes: number; totalBytes: number | null }>();
  readonly #report: (progress: LoadProgress) => void;

  constructor(report: (progress: LoadProgress) => void) {
    this.#report = report;
  }

  /** Announces a file, so that the total is complete before the first one has come. */
  expect(name: string, totalBytes: number | null): void {
    this.#files.set(name, { loadedBytes: 0, totalBytes });
    this.report("download");
  }

  /** Notes how much of a file has come. */
  advance(name: string, loadedBytes: number): void {
    const file = this.#files.get(name) ?? { loadedBytes: 0, totalBytes: null };
    // A server that announced too little is not believed any more.
    const totalBytes = file.totalBytes !== null && loadedBytes > file.totalBytes ? null : file.totalBytes;
    this.#files.set(name, { loadedBytes, totalBytes });
    this.report("download");
  }

  /** Notes that a file is complete. */
  complete(name: string, bytes: number): void {
    this.#files.set(name, { loadedBytes: bytes, totalBytes: bytes });
    this.report("download");
  }

  report(stage: LoadProgress["stage"]): void {
    const files: FileProgress[] = [...this.#files].map(([name, file]) => ({ name, ...file }));
    const loadedBytes = files.reduce((sum, file) => sum + file.loadedBytes, 0);
    const totalBytes = files.reduce<number | null>((sum, { totalBytes: size }) => (sum === null || size === null ? null : sum + size), 0);
    this.#report({ stage, loadedBytes, totalBytes, files });
  }
}

/** A checkpoint in memory. */
export interface ModelData {
  readonly name: string;
  readonly config: string;
  readonly preprocessor: string | undefined;
  readonly weights: Uint8Array<ArrayBuffer>;
}

/** Brings a checkpoint's files into memory. */
export async function fetchModel(model: WireModel, progress: DownloadProgress, signal: AbortSignal): Promise<ModelData> {
  const text = async (file: WireFile, name: string): Promise<string> => new TextDecoder().decode(await fetchFile(file, name, progress, signal));
  const [config, preprocessor, weights] = await Promise.all([
    text(model.config, "config.json"),
    model.preprocessor === null ? undefined : text(model.preprocessor, "preprocessor_config.json"),
    fetchFile(model.weights, "model.safetensors", progress, signal),
  ]);
  return { name: model.name, config, preprocessor, weights };
}

async function fetchFile(file: WireFile, name: string, progress: DownloadProgress, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  if (file.kind === "data") {
    const bytes = new Uint8Array(file.data instanceof Blob ? await readBlob(file.data, name) : file.data);
    progress.complete(name, bytes.length);
    return bytes;
  }
  const url = new URL(file.url);
  progress.expect(name, null);
  const response = await fetchChecked(url, `the model's ${name}`, signal);
  progress.expect(name, expectedBytes(response.headers));
  const bytes = await readBody(response, url, `the model's ${name}`, (loaded) => progress.advance(name, loaded), signal);
  progress.complete(name, bytes.length);
  return bytes;
}

async function readBlob(blob: Blob, name: string): Promise<ArrayBuffer> {
  try {
    return await blob.arrayBuffer();
  } catch (cause) {
    throw new ClipTtlError("network", `the file ${name} can't be read any more: it was moved or changed`, { cause });
  }
}
