/** Where this package's own files are: the worker, the engine, the model that ships with it. */

import { ClipTtlError } from "./errors.js";

let assetBase: string | null = null;

/**
 * Names the folder that `worker.js`, `clip_ttl.js`, `clip_ttl_bg.wasm` and `models/` are served from, for pages whose
 * bundler doesn't keep them beside `index.js`. Relative addresses count from the page.
 */
export function setAssetBase(url: string): void {
  assetBase = asFolder(url);
}

/** The folder in use: what a call asks for, else what `setAssetBase` was given, else null, which is beside `index.js`. */
export function assetFolder(ofCall: string | undefined): string | null {
  return ofCall === undefined ? assetBase : asFolder(ofCall);
}

/** The address of one of this package's files in a folder. */
export function assetUrl(folder: string, path: string): string {
  return new URL(path, folder).href;
}

/** A complete address, counted from the page where it is relative. */
export function absoluteUrl(url: string | URL, base: string | undefined = pageAddress()): URL {
  try {
    return new URL(url, base);
  } catch (cause) {
    throw new ClipTtlError("url-invalid", `"${String(url)}" is not an address`, { cause });
  }
}

function pageAddress(): string | undefined {
  return typeof document === "undefined" ? globalThis.location?.href : document.baseURI;
}

function asFolder(url: string): string {
  const folder = absoluteUrl(url);
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  return folder.href;
}

/** Starts the worker. Browsers refuse a worker's script from another origin, but let one of the page's own import it. */
export function startWorker(folder: string | null): Worker {
  if (folder === null && isOfPage(import.meta.url)) {
    // Bundlers look for exactly this expression.
    return new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "clip-ttl" });
  }
  const url = assetUrl(folder ?? import.meta.url, "worker.js");
  if (isOfPage(url)) return new Worker(url, { type: "module", name: "clip-ttl" });
  const script = `import ${JSON.stringify(url)};`;
  if (globalThis.origin === "null") {
    // There, Chromium starts no worker with modules from a blob: address, but from one that has no origin either.
    return new Worker(`data:text/javascript,${encodeURIComponent(script)}`, { type: "module", name: "clip-ttl" });
  }
  const trampoline = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  try {
    return new Worker(trampoline, { type: "module", name: "clip-ttl" });
  } finally {
    // The worker fetches it after this; a task later it has what it needs.
    setTimeout(() => URL.revokeObjectURL(trampoline), 60_000);
  }
}

/** An embedded page without the right to its own origin has the origin "null", and its address' origin is a foreign one. */
function isOfPage(url: string): boolean {
  return new URL(url).origin === globalThis.origin;
}
