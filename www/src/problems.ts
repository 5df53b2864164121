/** Where on the page an error of the engine belongs. */

import type { DeviceChoice } from "clip-ttl";
import { optionOfEngineName, type OptionName } from "clip-ttl/element";
import { text } from "./strings.js";

export type ProblemPlace =
  | { readonly kind: "cancelled" }
  | { readonly kind: "picture" }
  | { readonly kind: "labels" }
  | { readonly kind: "template" }
  | { readonly kind: "option"; readonly option: OptionName }
  /** The engine is gone or was never there; it has to be loaded again. */
  | { readonly kind: "engine"; readonly isDevice: boolean }
  | { readonly kind: "run" };

/** The GPU isn't there, or isn't there any more. */
const DEVICE_CODES: readonly string[] = ["gpu-unavailable", "device-failed", "device-lost"];
/** The engine, its files or its model have to be loaded again. */
const ENGINE_CODES = /^(engine-(crashed|stalled)|out-of-memory|disposed|wasm-|worker-|model-|config-|checkpoint-|tensor-|network$|cors$|http-status$)/;

/** What an error of the engine carries besides its message. Told by its shape: the engine's module may not have been loaded. */
export function property(error: unknown, name: "code" | "option"): string {
  const value: unknown = typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined;
  return typeof value === "string" ? value : "";
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The place of an error by its stable code. */
export function placeOf(error: unknown): ProblemPlace {
  const code = property(error, "code");
  if (code === "cancelled" || (error instanceof DOMException && error.name === "AbortError")) return { kind: "cancelled" };
  if (/^(picture|image)-/.test(code)) return { kind: "picture" };
  if (/^labels?-/.test(code)) return { kind: "labels" };
  if (code.startsWith("template-")) return { kind: "template" };
  if (code === "option-invalid") {
    const option = optionOfEngineName(property(error, "option"));
    if (option !== null) return { kind: "option", option };
  }
  if (DEVICE_CODES.includes(code)) return { kind: "engine", isDevice: true };
  if (ENGINE_CODES.test(code)) return { kind: "engine", isDevice: false };
  return { kind: "run" };
}

/** The words for an engine that can't go on, and whether the CPU is a way out. */
export function wayOutOf(error: unknown, device: DeviceChoice): { readonly message: string; readonly ofGpu: string; readonly offersCpu: boolean } {
  const place = placeOf(error);
  const code = property(error, "code");
  const offersCpu = device !== "cpu" && place.kind === "engine" && place.isDevice;
  const ofGpu = text.engine.gpu[code] ?? messageOf(error);
  const message = offersCpu ? `${ofGpu} ${text.engine.cpuCan}` : code === "" ? text.engine.noScript : messageOf(error);
  return { message, ofGpu, offersCpu };
}
