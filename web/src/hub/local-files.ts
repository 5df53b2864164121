/** A model among the files of a folder, or of a selection, on the device. */

import { ClipTtlError } from "../errors.js";
import type { WireFile, WireFiles } from "../protocol.js";
import { CONFIG_FILE, PREPROCESSOR_FILE, WEIGHTS_FILE } from "./address.js";

/** A single file, which must have its configuration in its metadata. */
export function fromSingleFile(file: Blob): WireFiles {
  const name = file instanceof File ? file.name : "model";
  if (file instanceof File && !isSafetensors(name)) throw noWeights([file]);
  return wire(withoutExtension(name), file, null, null);
}

/** A checkpoint's files among others; what else lies there is left alone. */
export function fromFolder(files: readonly File[]): WireFiles {
  const weights = chooseWeights(files);
  const folder = folderOf(weights);
  const sibling = (name: string): File | null => files.find((file) => file.name === name && folderOf(file) === folder) ?? null;
  const name = folder.split("/").filter((part) => part !== "").at(-1) ?? withoutExtension(weights.name);
  return wire(name, weights, sibling(CONFIG_FILE), sibling(PREPROCESSOR_FILE));
}

function chooseWeights(files: readonly File[]): File {
  const all = files.filter((file) => isSafetensors(file.name));
  const named = all.filter((file) => file.name === WEIGHTS_FILE);
  const [only, ...others] = named.length > 0 ? named : all;
  if (only === undefined) throw noWeights(files);
  if (others.length === 0) {
    if (isShard(only.name)) throw noWeights(files);
    return only;
  }
  const found = [only, ...others].map((file) => pathOf(file)).slice(0, 4);
  if (all.every((file) => isShard(file.name))) throw noWeights(files);
  throw new ClipTtlError("model-unknown", `there are several models in this folder (${found.join(", ")}): choose the files of one`);
}

/** Says what is there instead of weights that can be read. */
function noWeights(files: readonly File[]): ClipTtlError {
  const names = files.map((file) => file.name);
  const other = names.find((name) => /\.(bin|pt|pth|ckpt|h5|msgpack|onnx|gguf|npz)$/.test(name));
  const shard = names.find((name) => isShard(name) || name.endsWith(".safetensors.index.json"));
  if (shard !== undefined) {
    return new ClipTtlError("model-incomplete", `the weights are in several files (${shard}); they have to be in one`);
  }
  if (other !== undefined) {
    return new ClipTtlError("model-incomplete", `there is no ${WEIGHTS_FILE}, only ${other}, which can't be read here`);
  }
  const what = names.length === 0 ? "the folder is empty" : `there is no ${WEIGHTS_FILE} among ${names.slice(0, 4).join(", ")}`;
  return new ClipTtlError("model-incomplete", what);
}

function wire(name: string, weights: Blob, config: Blob | null, preprocessor: Blob | null): WireFiles {
  const file = (data: Blob | null): WireFile | null => (data === null ? null : { kind: "data", data });
  return {
    kind: "files",
    name,
    config: file(config),
    preprocessor: file(preprocessor),
    weights: { kind: "data", data: weights },
    statistics: null,
    isGuess: false,
    isPackage: false,
  };
}

function isSafetensors(name: string): boolean {
  return name.toLowerCase().endsWith(".safetensors");
}

/** Large models are split: `model-00001-of-00002.safetensors`. */
function isShard(name: string): boolean {
  return /-\d+-of-\d+\.safetensors$/.test(name);
}

function withoutExtension(name: string): string {
  return name.replace(/\.[^.]+$/, "") || name;
}

/** The path within the folder that was chosen; files that were chosen one by one have none. */
function pathOf(file: File): string {
  return file.webkitRelativePath || file.name;
}

function folderOf(file: File): string {
  return pathOf(file).slice(0, -file.name.length);
}
