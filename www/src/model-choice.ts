/** A model that somebody has chosen, from whatever place, with everything that the page says about it. */

import type { CachedModel, CatalogueEntry, ModelSource, WeightsChoice, WeightsFormat } from "clip-ttl";
import { text } from "./strings.js";

/** `recommended`: what the catalogue recommends, or what suits the file. */
export type Format = "recommended" | WeightsFormat;

export const FORMATS: readonly Format[] = ["recommended", "q8", "q4", "f16", "f32"];

export const DEFAULT_HUB = "https://huggingface.co";

/** What a model takes, in bytes. */
export interface ModelSizes {
  readonly downloadBytes: number;
  /** In memory, and in the browser's storage where it is kept there. */
  readonly residentBytes: number;
}

export interface ModelChoice {
  /** `pocket` ships with the page; `hub` and `address` are downloaded; `files` are on the device. */
  readonly kind: "pocket" | "hub" | "address" | "files";
  readonly model: ModelSource;
  readonly dtype: WeightsChoice;
  /** The hub's address; null: the package's default. */
  readonly hub: string | null;
  readonly title: string;
  /** The model's page, or null. */
  readonly page: string | null;
  /** What a link to this page calls it; null where a link can't lead to it. */
  readonly linkName: string | null;
  /** The commit that is loaded, where that is known beforehand. */
  readonly revision: string | null;
  /** Null while they aren't known. */
  readonly sizes: ModelSizes | null;
}

/** The page's own card of the pocket model. */
const POCKET_PAGE = "./model-card.html";

/** The model that the page begins with. */
export const POCKET: ModelChoice = {
  kind: "pocket",
  model: "pocket",
  dtype: "auto",
  hub: null,
  title: text.model.pocket,
  page: POCKET_PAGE,
  linkName: "pocket",
  revision: null,
  sizes: null,
};

/** A model of the catalogue. */
export function chooseEntry(entry: CatalogueEntry, format: Format, hub: string | null): ModelChoice {
  // The pocket model is quantised in its file, and stays so.
  const isPocket = entry.id === POCKET.model;
  const weights = isPocket || format === "recommended" ? entry.recommendedDtype : format;
  const sizes = { downloadBytes: entry.downloadBytes, residentBytes: entry.residentBytes[weights] };
  if (isPocket) return { ...POCKET, sizes };
  const { id, title, page, revision } = entry;
  return { kind: "hub", model: id, dtype: weights, hub, title, page, linkName: id, revision, sizes };
}

/** What somebody has typed, or a link has named: a model of the catalogue, a repository, or an address. */
export function chooseNamed(name: string, format: Format, hub: string | null, catalogue: readonly CatalogueEntry[]): ModelChoice {
  const entry = catalogue.find(({ id }) => id === name);
  if (entry !== undefined) return chooseEntry(entry, format, hub);
  const [repository = "", revision = null] = name.split("@");
  const isRepository = isRepositoryName(name);
  return {
    kind: isRepository ? "hub" : "address",
    model: name,
    dtype: asDtype(format),
    hub,
    title: name,
    page: isRepository ? `${hub ?? DEFAULT_HUB}/${repository}` : null,
    linkName: isRepository ? name : null,
    revision: isRepository ? revision : null,
    sizes: null,
  };
}

/** Files of the device: one, several, or a folder's. */
export function chooseFiles(files: readonly File[], format: Format): ModelChoice {
  const first = files[0];
  const folder = first?.webkitRelativePath.split("/")[0] ?? "";
  const title = folder || (files.find(({ name }) => name.endsWith(".safetensors")) ?? first)?.name || text.model.localFiles;
  return { kind: "files", model: files, dtype: asDtype(format), hub: null, title, page: null, linkName: null, revision: null, sizes: null };
}

/** Whether two choices are the same model in the same format. */
export function isSameChoice(one: ModelChoice, other: ModelChoice): boolean {
  return one.model === other.model && one.dtype === other.dtype && one.hub === other.hub;
}

/** Whether the browser has all of a model, in the format that was chosen. */
export function isStored(choice: ModelChoice, stored: readonly CachedModel[]): boolean {
  const [name] = typeof choice.model === "string" ? choice.model.split("@") : [];
  return (
    choice.kind === "hub" &&
    stored.some((model) => model.complete && model.name === name && model.dtype === choice.dtype && (choice.revision ?? model.revision) === model.revision)
  );
}

/** Whether loading it for the second time asks nobody: what a commit names never changes. */
export function isPinned({ revision }: ModelChoice): boolean {
  return revision !== null && /^[0-9a-f]{40}$/.test(revision);
}

/** `owner/name` or `owner/name@revision` */
export function isRepositoryName(name: string): boolean {
  return /^\w[\w.-]*\/\w[\w.-]*(@\S+)?$/.test(name) && !/\.safetensors$/i.test(name);
}

/** Whether a text can be the address of a model: a complete one, or one on this site. */
export function isAddress(name: string): boolean {
  return /^(https?:\/\/\S+|\.{0,2}\/\S+|\S+\.safetensors)$/i.test(name);
}

/** The name of the server that a choice is downloaded from, for people. */
export function hostOf({ kind, hub, model }: ModelChoice): string {
  try {
    return new URL(kind === "address" ? String(model) : (hub ?? DEFAULT_HUB), document.baseURI).host;
  } catch {
    return text.model.itsServer;
  }
}

function asDtype(format: Format): WeightsChoice {
  return format === "recommended" ? "auto" : format;
}
