/**
 * Brings the engine's WebAssembly in. There are two modules of it: one with everything, and one without what only graphics devices need, which is most of the
 * other. Which one it takes is found out first, so that nobody downloads what can't be used.
 */

// Not imported only when they are needed: Vite's workers are one script, unless told otherwise, and can't be divided.
import * as whole from "../clip_ttl.js";
import * as cpu from "../clip_ttl_cpu.js";
import { ClipTtlError } from "../errors.js";
import { expectedBytes, fetchChecked, readBody } from "../fetching.js";
import type { DeviceChoice } from "../load-types.js";
import type { DownloadProgress } from "../progress.js";
import { hasGraphics } from "./graphics.js";

/** The engine's JavaScript side. */
export type WasmModule = typeof whole;

interface Flavour {
  readonly glue: WasmModule;
  readonly file: string;
  /** Where it lies beside the worker. */
  readonly url: () => URL;
}

// Bundlers look for exactly these expressions.
const WHOLE: Flavour = { glue: whole, file: "clip_ttl_bg.wasm", url: () => new URL("./clip_ttl_bg.wasm", import.meta.url) };
const CPU_ONLY: Flavour = { glue: cpu, file: "clip_ttl_cpu_bg.wasm", url: () => new URL("./clip_ttl_cpu_bg.wasm", import.meta.url) };

/** A module of one function that uses 128-bit SIMD. */
const SIMD_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
);

/** Whether this browser can run the engine at all. */
export function hasSimd(): boolean {
  return typeof WebAssembly === "object" && WebAssembly.validate(SIMD_PROBE);
}

/** The engine for a device, ready to be used; `folder` is where its WebAssembly lies, if not beside the worker. */
export async function loadWasm({ device, folder }: { device: DeviceChoice; folder: string | null }, progress: DownloadProgress, signal: AbortSignal): Promise<WasmModule> {
  if (!hasSimd()) throw new ClipTtlError("wasm-unsupported", "this browser has no WebAssembly with SIMD, which the engine needs");
  const needsGraphics = device === "webgpu" || (device === "auto" && (await hasGraphics()));
  const { glue, file, url } = needsGraphics ? WHOLE : CPU_ONLY;
  const module = await compile(file, folder === null ? url() : new URL(file, folder), progress, signal);
  try {
    await glue.default({ module_or_path: module });
  } catch (cause) {
    throw new ClipTtlError("wasm-failed", `the engine can't be started: ${messageOf(cause)}`, { cause });
  }
  return glue;
}

/** Compiles while the bytes come in, and counts them. */
async function compile(file: string, url: URL, progress: DownloadProgress, signal: AbortSignal): Promise<WebAssembly.Module> {
  progress.expect(file, null);
  const response = await fetchChecked(url, "the engine", signal);
  progress.expect(file, expectedBytes(response.headers));
  const counted = response.clone();
  const isWasm = response.headers.get("content-type")?.split(";")[0]?.trim() === "application/wasm";
  // Servers that don't know the type are common; browsers insist on it for compiling on the way.
  const compiling = isWasm ? WebAssembly.compileStreaming(response) : null;
  // Its failure is looked at below; until then nobody does.
  compiling?.catch(() => undefined);
  const bytes = await readBody(counted, url, "the engine", (loaded) => progress.advance(file, loaded), signal);
  progress.complete(file, bytes.length);
  try {
    return await (compiling ?? WebAssembly.compile(bytes));
  } catch (cause) {
    throw new ClipTtlError("wasm-failed", `the engine can't be compiled: ${messageOf(cause)}`, { cause });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
