/** Brings the engine's WebAssembly in. */

// Not imported only when it is needed: Vite's workers are one script, unless told otherwise, and can't be divided.
import * as glue from "../clip_ttl.js";
import { ClipTtlError } from "../errors.js";
import { expectedBytes, fetchChecked, readBody } from "../fetching.js";
import type { DownloadProgress } from "../progress.js";

/** The engine's JavaScript side. */
export type WasmModule = typeof glue;

const FILE = "clip_ttl_bg.wasm";

/** A module of one function that uses 128-bit SIMD. */
const SIMD_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
);

/** Whether this browser can run the engine at all. */
export function hasSimd(): boolean {
  return typeof WebAssembly === "object" && WebAssembly.validate(SIMD_PROBE);
}

/** The engine, ready to be used; `url` is where its WebAssembly lies, if not beside the worker. */
export async function loadWasm(url: string | null, progress: DownloadProgress, signal: AbortSignal): Promise<WasmModule> {
  if (!hasSimd()) throw new ClipTtlError("wasm-unsupported", "this browser has no WebAssembly with SIMD, which the engine needs");
  const module = await compile(url, progress, signal);
  try {
    await glue.default({ module_or_path: module });
  } catch (cause) {
    throw new ClipTtlError("wasm-failed", `the engine can't be started: ${messageOf(cause)}`, { cause });
  }
  return glue;
}

/** Compiles while the bytes come in, and counts them. */
async function compile(address: string | null, progress: DownloadProgress, signal: AbortSignal): Promise<WebAssembly.Module> {
  progress.expect(FILE, null);
  // Bundlers look for exactly this expression.
  const url = address === null ? new URL("./clip_ttl_bg.wasm", import.meta.url) : new URL(address);
  const response = await fetchChecked(url, "the engine", signal);
  progress.expect(FILE, expectedBytes(response.headers));
  const counted = response.clone();
  const isWasm = response.headers.get("content-type")?.split(";")[0]?.trim() === "application/wasm";
  // Servers that don't know the type are common; browsers insist on it for compiling on the way.
  const compiling = isWasm ? WebAssembly.compileStreaming(response) : null;
  // Its failure is looked at below; until then nobody does.
  compiling?.catch(() => undefined);
  const bytes = await readBody(counted, url, "the engine", (loaded) => progress.advance(FILE, loaded), signal);
  progress.complete(FILE, bytes.length);
  try {
    return await (compiling ?? WebAssembly.compile(bytes));
  } catch (cause) {
    throw new ClipTtlError("wasm-failed", `the engine can't be compiled: ${messageOf(cause)}`, { cause });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
