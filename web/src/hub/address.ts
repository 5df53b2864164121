/** Addresses on the Hugging Face hub, and on mirrors of it: how they are made, and what those that people paste mean. */

import { ClipTtlError } from "../errors.js";

/** Not `hf.co`: its redirect may not be read by other sites. */
export const DEFAULT_HUB = "https://huggingface.co";

export const MAIN = "main";
export const WEIGHTS_FILE = "model.safetensors";
export const CONFIG_FILE = "config.json";
export const PREPROCESSOR_FILE = "preprocessor_config.json";

const HUGGING_FACE_HOSTS: readonly string[] = ["huggingface.co", "www.huggingface.co", "hf.co"];

/** First parts of paths that are no owner of a model. */
const NO_OWNERS: readonly string[] = ["api", "blog", "collections", "datasets", "docs", "models", "organizations", "papers", "spaces", "tasks"];

const WORD = "[A-Za-z0-9_][A-Za-z0-9_.-]*";
const REPOSITORY = new RegExp(`^(${WORD}/${WORD})(?:@(.+))?$`);
const COMMIT = /^[0-9a-f]{40}$/;

/** A place in a repository. */
export interface RepositoryPlace {
  /** `owner/name` */
  readonly repository: string;
  /** Null where none was named. */
  readonly revision: string | null;
  /** Null where no file was named. */
  readonly path: string | null;
}

/** Whether a revision is a commit: what it names never changes. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** `owner/name` or `owner/name@revision`, or null where a text is neither. */
export function parseRepository(text: string): RepositoryPlace | null {
  const [, repository, revision] = REPOSITORY.exec(text) ?? [];
  return repository === undefined ? null : { repository, revision: revision ?? null, path: null };
}

/** Where a file of a repository is fetched from. */
export function fileUrl(hub: string, repository: string, revision: string, path: string): URL {
  // The slashes of refs/pr/1 are escaped, those of a path are not.
  return new URL(`${hub}/${repository}/resolve/${encodeURIComponent(revision)}/${path.split("/").map(encodeURIComponent).join("/")}`);
}

/** An address of the hub's interface for programs. */
export function apiUrl(hub: string, repository: string, path: string): URL {
  return new URL(`${hub}/api/models/${repository}/${path}`);
}

/**
 * The place that an address on the hub leads to: a model's page, the list of its files, or one of them. Null where the address isn't
 * one of the hub's.
 */
export function parseHubAddress(url: URL, hub: string): RepositoryPlace | null {
  const path = pathOnHub(url, hub);
  if (path === null) return null;
  const [owner = "", name = "", view, ...rest] = path.split("/").filter((part) => part !== "");
  const place = NO_OWNERS.includes(owner) ? null : parseRepository(`${decoded(owner)}/${decoded(name)}`);
  if (place === null) throw new ClipTtlError("model-unknown", `"${url.href}" is not the page of a model`);
  if (view === undefined || !["tree", "blob", "resolve", "raw"].includes(view)) return place;
  const parts = rest.map(decoded);
  // A pull request's ref has slashes of its own; browsers show them unescaped.
  const length = parts[0] === "refs" && parts.length >= 3 ? 3 : 1;
  const file = parts.slice(length).join("/");
  return { ...place, revision: parts.slice(0, length).join("/") || null, path: view === "tree" || file === "" ? null : file };
}

function pathOnHub(url: URL, hub: string): string | null {
  if (url.href.startsWith(`${hub}/`)) return url.pathname.slice(new URL(hub).pathname.replace(/\/$/, "").length);
  return HUGGING_FACE_HOSTS.includes(url.host) ? url.pathname : null;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a file beside another. */
export function beside(url: URL, name: string): URL {
  // Signed addresses have parameters that are good for one file only; there is no knowing, so they are kept.
  const sibling = new URL(name, url);
  sibling.search = url.search;
  return sibling;
}

/** Parameters by which storage services sign addresses; each signature is another one. */
const SIGNATURE = /^(x-(amz|goog|ms)-.+|awsaccesskeyid|googleaccessid|signature|sig|se|sp|spr|sr|st|sv|skoid|sktid|skt|ske|sks|skv|expires|policy|key-pair-id|token)$/i;

/** An address without the signature that it may have: the same file has the same one the next time, and no secret in it. */
export function unsigned(address: string): string {
  const url = new URL(address);
  const names = [...url.searchParams.keys()].filter((name) => SIGNATURE.test(name));
  if (names.length === 0) return address;
  for (const name of names) url.searchParams.delete(name);
  return url.href;
}
