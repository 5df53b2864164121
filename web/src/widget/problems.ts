/** Where in an element an error belongs, and in which words. */

import { optionOfEngineName, type OptionName } from "../element/options.js";
import type { ClipTtlError, ErrorCode } from "../errors.js";
import type { ElementStrings } from "./strings.js";

export type ProblemPlace = { readonly kind: "labels" } | { readonly kind: "template" } | { readonly kind: "option"; readonly option: OptionName } | { readonly kind: "run" };

/** The graphics device isn't there, or isn't there any more: the CPU can go on. */
const GPU_CODES: ReadonlySet<ErrorCode> = new Set(["gpu-unavailable", "device-failed", "device-lost"]);
/** Another try may help: it was the network, or the engine is gone. */
const AGAIN = /^(network|http-status|out-of-memory|disposed|model-unavailable|(engine|worker|wasm)-.+)$/;

export function placeOf({ code, option }: ClipTtlError): ProblemPlace {
  if (/^labels?-/.test(code)) return { kind: "labels" };
  if (code.startsWith("template-")) return { kind: "template" };
  const name = option === null ? null : optionOfEngineName(option);
  return name === null ? { kind: "run" } : { kind: "option", option: name };
}

/** What one can do about an error with one press. */
export function wayOutOf({ code }: ClipTtlError, device: string): "cpu" | "again" | null {
  if (GPU_CODES.has(code)) return device === "cpu" ? "again" : "cpu";
  return AGAIN.test(code) ? "again" : null;
}

/** What went wrong, in the element's language as far as it has words for it. */
export function wordsOf(error: ClipTtlError, { widget }: ElementStrings): string {
  return widget.errors[error.code]?.replace("{reason}", () => error.reason) ?? error.message;
}
