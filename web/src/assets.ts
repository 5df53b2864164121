/** Where this package's own files are: the worker, the engine, the model that ships with it. */

import { ClipTtlError } from "./errors.js";

const WORKER = "worker.js";
const POCKET_WEIGHTS = "models/pocket/model.safetensors";

let assetBase: string | null = null;
let workerScript: string | null = null;

/**
 * Names the folder that `worker.js`, the engine (`clip_ttl*.js`, `clip_ttl*.wasm`) and `models/` are served from, for pages whose
 * bundler doesn't keep them beside `index.js`. Relative addresses count from the page.
 */
export function setAssetBase(url: string): void {
  assetBase = asFolder(url);
}

/**
 * Names a script of the page's own origin that starts the worker, for pages that get this package from another origin and whose
 * Content-Security-Policy forbids workers from `blob:` addresses. One line is all it needs: `import "https://…/dist/worker.js";`
 * Relative addresses count from the page.
 */
export function setWorkerUrl(url: string): void {
  workerScript = absoluteUrl(url).href;
}

/** The worker's script in use: what a call asks for, else what `setWorkerUrl` was given, else null, which is this package's own. */
export function workerAddress(ofCall: string | undefined): string | null {
  return ofCall === undefined ? workerScript : absoluteUrl(ofCall).href;
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

/** A worker that was started, though perhaps nothing will come of it. */
export interface StartedWorker {
  readonly worker: Worker;
  /** What has probably failed if it ends before it has said anything, as the reason of an error. */
  readonly ifSilent: string;
}

/**
 * Starts the worker: the page's own script for it if there is one, else the one in `folder`, or beside this code. Browsers refuse a worker's
 * script from another origin, but let one of the page's own import it.
 */
export function startWorker(folder: string | null, workerUrl: string | null): StartedWorker {
  if (typeof Worker === "undefined") throw new ClipTtlError("worker-failed", "the engine runs in browsers only, and there are no web workers here");
  if (workerUrl !== null) {
    const worker = new Worker(workerUrl, { type: "module", name: "clip-ttl" });
    return { worker, ifSilent: `the engine's worker could not be started by ${workerUrl}` };
  }
  const known = folder ?? ownFolder();
  if (folder === null && (known === null || isOfPage(known))) {
    // Bundlers look for exactly this expression.
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "clip-ttl" });
    return { worker, ifSilent: "the engine's worker could not be started" };
  }
  const url = assetUrl(known ?? "", WORKER);
  if (isOfPage(url)) {
    return { worker: new Worker(url, { type: "module", name: "clip-ttl" }), ifSilent: `the engine's worker, ${url}, could not be started` };
  }
  return startFromElsewhere(url);
}

function startFromElsewhere(url: string): StartedWorker {
  const script = `import ${JSON.stringify(url)};`;
  // Without an origin, Chromium starts no worker with modules from a blob: address, but from one that has no origin either.
  const scheme = globalThis.origin === "null" ? "data:" : "blob:";
  const ifSilent =
    `the engine's worker, ${url}, could not be started: it can't be loaded from there, or the page's Content-Security-Policy forbids workers ` +
    `from ${scheme} addresses, which it takes to start one from another origin`;
  if (scheme === "data:") {
    return { worker: new Worker(`data:text/javascript,${encodeURIComponent(script)}`, { type: "module", name: "clip-ttl" }), ifSilent };
  }
  const trampoline = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  try {
    return { worker: new Worker(trampoline, { type: "module", name: "clip-ttl" }), ifSilent };
  } finally {
    // The worker fetches it after this; a minute later it has what it needs.
    setTimeout(() => URL.revokeObjectURL(trampoline), 60_000);
  }
}

/**
 * The folder of this code, or null where a bundler has given its files other names and places. What is asked for is a file's address, since
 * bundlers put the right one in for that; in place of `import.meta.url` alone, webpack puts the place on the developer's disk.
 */
function ownFolder(): string | null {
  const { href } = new URL("./models/pocket/model.safetensors", import.meta.url);
  return href.endsWith(POCKET_WEIGHTS) ? href.slice(0, -POCKET_WEIGHTS.length) : null;
}

/** An embedded page without the right to its own origin has the origin "null", and its address' origin is a foreign one. */
function isOfPage(url: string): boolean {
  return new URL(url).origin === globalThis.origin;
}
