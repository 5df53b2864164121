/** Which files are meant by what a caller names as the model. Asks no server: that is done in the worker. */

import { absoluteUrl, assetUrl } from "../assets.js";
import { ClipTtlError } from "../errors.js";
import type { ModelFile, ModelFiles, ModelSource, WeightsChoice } from "../load-types.js";
import type { WireFile, WireFiles, WireModel, WireRepository } from "../protocol.js";
import { beside, CONFIG_FILE, DEFAULT_HUB, MAIN, parseHubAddress, parseRepository, PREPROCESSOR_FILE, WEIGHTS_FILE, type RepositoryPlace } from "./address.js";
import { catalogueEntry } from "./catalogue.js";
import { fromFolder, fromSingleFile } from "./local-files.js";

const DTYPES: readonly string[] = ["auto", "f32", "f16", "q8", "q4"] satisfies WeightsChoice[];

/** What a model's name is resolved with. */
export interface Surroundings {
  /** The folder that the package's files are in, or null: beside its code. */
  readonly folder: string | null;
  readonly hub?: string | URL | undefined;
}

/** The files of the model that was asked for, ready to be sent to the worker. */
export function resolveModel(model: ModelSource | undefined, { folder, hub }: Surroundings): WireModel {
  if (model === undefined || (typeof model === "string" && model.trim() === "pocket")) return pocket(folder);
  const hubAddress = checkHub(hub);
  if (typeof model === "string") return fromText(model.trim(), hubAddress);
  if (model instanceof URL) return fromAddress(model, hubAddress);
  if (model instanceof Blob) return fromSingleFile(model);
  if (typeof model === "object" && model !== null) return isListOfFiles(model) ? fromList(Array.from(model)) : fromParts(model);
  throw new ClipTtlError("model-unknown", `there is no model "${String(model)}"`);
}

/** The statistics that were given with the model, ready to be sent to the worker. */
export function resolveStatistics(statistics: ModelFile | undefined): WireFile | null {
  return statistics === undefined ? null : wireFile(statistics, "statistics");
}

/** The format that was asked for, if it is one. */
export function checkDtype(dtype: WeightsChoice | undefined): WeightsChoice {
  if (dtype === undefined) return "auto";
  if (DTYPES.includes(dtype)) return dtype;
  throw new ClipTtlError("option-invalid", `dtype = ${String(dtype)} is not possible: ${DTYPES.join(", ")} are`, { option: "dtype" });
}

/** The small CLIP that lies beside this package's code, with its configuration in its metadata. Bundlers look for exactly these expressions. */
function pocket(folder: string | null): WireFiles {
  const weights = folder === null ? new URL("./models/pocket/model.safetensors", import.meta.url) : assetUrl(folder, "models/pocket/model.safetensors");
  const statistics =
    folder === null ? new URL("./models/pocket/statistics.safetensors", import.meta.url) : assetUrl(folder, "models/pocket/statistics.safetensors");
  return { ...fromParts({ name: "pocket", weights }), statistics: wireFile(statistics, "statistics"), isPackage: true };
}

function fromText(text: string, hub: string): WireModel {
  const entry = catalogueEntry(text);
  if (entry !== undefined) return inRepository({ repository: text, revision: entry.revision, path: null }, hub);
  // "models/clip.safetensors" is a file of the site, though it has the form of a repository.
  const looksLikeAddress = /^[./]|^[a-z][a-z0-9+.-]*:|\.safetensors$|\/$/i.test(text);
  const place = looksLikeAddress ? null : parseRepository(text);
  if (place !== null) return inRepository(place, hub);
  if (!looksLikeAddress) throw new ClipTtlError("model-unknown", text === "" ? "the model's name is empty" : `there is no model "${text}"`);
  return fromAddress(absoluteUrl(text), hub);
}

function fromAddress(url: URL, hub: string): WireModel {
  const place = parseHubAddress(url, hub);
  if (place !== null) return inRepository(place, hub);
  const weights = url.pathname.endsWith("/") ? beside(url, WEIGHTS_FILE) : url;
  const { pathname } = weights;
  if (url.protocol.startsWith("http") && !pathname.toLowerCase().endsWith(".safetensors")) {
    throw new ClipTtlError("model-unknown", `"${url.href}" is not the address of a .safetensors file, nor of a folder, which would end with a slash`);
  }
  const parts = pathname.split("/").filter((part) => part !== "");
  const file = parts.at(-1) ?? "model";
  const name = file === WEIGHTS_FILE ? (parts.at(-2) ?? "model") : file.replace(/\.safetensors$/i, "");
  const isAlone = !url.protocol.startsWith("http");
  const sibling = (sought: string): WireFile | null => (isAlone ? null : { kind: "url", url: beside(weights, sought).href });
  return {
    kind: "files",
    name: isAlone ? "model" : name,
    config: sibling(CONFIG_FILE),
    preprocessor: sibling(PREPROCESSOR_FILE),
    weights: { kind: "url", url: weights.href },
    statistics: null,
    isGuess: true,
    isPackage: false,
  };
}

function inRepository({ repository, revision, path }: RepositoryPlace, hub: string): WireRepository {
  const entry = catalogueEntry(repository);
  const named = revision ?? entry?.revision ?? MAIN;
  return { kind: "repository", name: repository, hub, repository, revision: named, weightsPath: weightsPath(repository, path) };
}

/** Of another file than the weights, the folder counts: that is where people are when they copy an address. */
function weightsPath(repository: string, path: string | null): string {
  if (path === null) return WEIGHTS_FILE;
  if (path.toLowerCase().endsWith(".safetensors")) return path;
  if (path.endsWith(".json") || path.endsWith(".md")) return [...path.split("/").slice(0, -1), WEIGHTS_FILE].join("/");
  throw new ClipTtlError("model-incomplete", `"${path}" of ${repository} is not a .safetensors file`);
}

/** The parts of a checkpoint, each by itself. */
function fromParts(files: ModelFiles): WireFiles {
  for (const key of ["name", "weights"] as const) {
    if (files[key] === undefined || files[key] === "") throw new ClipTtlError("model-unknown", `the model's "${key}" is missing`);
  }
  const part = (file: ModelFile | undefined, key: string): WireFile | null => (file === undefined ? null : wireFile(file, key));
  return {
    kind: "files",
    name: String(files.name),
    config: part(files.config, "config"),
    preprocessor: part(files.preprocessor, "preprocessor"),
    weights: wireFile(files.weights, "weights"),
    statistics: null,
    isGuess: false,
    isPackage: false,
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

function isListOfFiles(model: object): model is Iterable<File> | ArrayLike<File> {
  return Symbol.iterator in model || "length" in model;
}

function fromList(files: readonly unknown[]): WireFiles {
  if (!files.every((file) => file instanceof File)) throw new ClipTtlError("model-unknown", "a list of files may have nothing but files in it");
  const [only] = files;
  return files.length === 1 && only !== undefined && only.webkitRelativePath === "" ? fromSingleFile(only) : fromFolder(files);
}

/** The hub's address without the slash at its end. */
function checkHub(hub: string | URL | undefined): string {
  const url = absoluteUrl(hub ?? DEFAULT_HUB);
  if (!url.protocol.startsWith("http")) throw new ClipTtlError("url-invalid", `the hub can't be at "${url.href}"`);
  url.search = "";
  url.hash = "";
  return url.href.replace(/\/+$/, "");
}
