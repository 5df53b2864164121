/** The model in the page's own address: `?model=openai/clip-vit-base-patch32&dtype=q8&hub=https://hub.example`. */

import { FORMATS, isRepositoryName, type Format, type ModelChoice } from "./model-choice.js";
import { shorten, text } from "./strings.js";

/** What a link asks for. */
export interface LinkWish {
  /** A name of the catalogue, `owner/name`, or null. Addresses are not taken from links. */
  readonly model: string | null;
  readonly format: Format;
  /** Where models are downloaded from instead of the usual hub, or null. */
  readonly hub: string | null;
  /** What can't be done of what it asks for, in words; empty where all can. */
  readonly problem: string;
}

export function readLink(search: string): LinkWish {
  const parameters = new URLSearchParams(search);
  const model = parameters.get("model")?.trim() ?? "";
  const dtype = parameters.get("dtype")?.trim().toLowerCase() ?? "";
  const hub = parameters.get("hub")?.trim() ?? "";
  const isModel = model === "pocket" || isRepositoryName(model);
  const format = dtype === "auto" ? "recommended" : FORMATS.find((known) => known === dtype);
  const hubAddress = asHub(hub);
  const problems = [
    ...(model === "" || isModel ? [] : [text.model.link.noModel(shorten(model))]),
    ...(dtype === "" || format !== undefined ? [] : [text.model.link.noFormat(shorten(dtype))]),
    ...(hub === "" || hubAddress !== null ? [] : [text.model.link.noHub]),
  ];
  return { model: isModel ? model : null, format: format ?? "recommended", hub: hubAddress, problem: problems.join(" ") };
}

/** Lets the page's address lead to a model. Models without a name that others could use leave it empty. */
export function writeLink({ kind, linkName, dtype }: ModelChoice): void {
  const url = new URL(location.href);
  url.searchParams.delete("model");
  url.searchParams.delete("dtype");
  if (linkName !== null && kind !== "pocket") {
    url.searchParams.set("model", linkName);
    if (dtype !== "auto") url.searchParams.set("dtype", dtype);
  }
  // Slashes may stand in a query as they are, and are easier to read so.
  url.search = url.search.replaceAll("%2F", "/");
  history.replaceState(history.state, "", url);
}

/** A hub's address without a slash at its end; null where it is none. */
function asHub(address: string): string | null {
  try {
    const url = new URL(address);
    if (!["http:", "https:"].includes(url.protocol)) return null;
    url.search = "";
    url.hash = "";
    url.username = "";
    url.password = "";
    return url.href.replace(/\/+$/, "");
  } catch {
    return null;
  }
}
