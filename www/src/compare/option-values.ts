/** Values of a method's options as text: what a field holds, and what stands in a link. */

import type { OptionDescription, OptionValue } from "clip-ttl";

/** What a description says about values; the rest is for people. */
export type OptionKind = Pick<OptionDescription, "kind" | "default" | "min" | "max" | "choices">;

/** A value as a person would type it. Lists of texts have a line for each, other lists a comma. */
export function formatOption(option: OptionKind, value: OptionValue): string {
  if (!Array.isArray(value)) return String(value);
  return value.join(isTextList(option) ? "\n" : ", ");
}

/** The value of a text, or null where it isn't one that the option may have. */
export function parseOption(option: OptionKind, text: string): OptionValue | null {
  const typed = text.trim();
  switch (option.kind) {
    case "integer":
    case "number":
      return parseNumber(option, typed);
    case "flag":
      return typed === "true" ? true : typed === "false" ? false : null;
    case "choice":
      return option.choices.includes(typed) ? typed : null;
    case "range":
    case "list":
      return parseList(option, typed);
  }
}

/** Whether a value is the option's default. */
export function isDefault(option: OptionKind, value: OptionValue): boolean {
  return formatOption(option, value) === formatOption(option, option.default);
}

/** Whether an option is a list of whatever texts somebody writes. */
export function isTextList({ kind, choices, default: usual }: OptionKind): boolean {
  return kind === "list" && choices.length === 0 && Array.isArray(usual) && usual.every((entry) => typeof entry === "string");
}

function parseNumber({ kind, min, max }: OptionKind, typed: string): number | null {
  if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(typed)) return null;
  const value = Number(typed);
  const isInRange = Number.isFinite(value) && value >= (min ?? -Infinity) && value <= (max ?? Infinity);
  return isInRange && (kind !== "integer" || Number.isSafeInteger(value)) ? value : null;
}

function parseList(option: OptionKind, typed: string): OptionValue | null {
  if (isTextList(option)) return entriesOf(typed, "\n");
  const entries = entriesOf(typed, ",");
  if (option.choices.length > 0) return entries.length > 0 && entries.every((entry) => option.choices.includes(entry)) ? entries : null;
  const numbers = entries.map((entry) => parseNumber({ ...option, kind: "number" }, entry)).filter((number) => number !== null);
  const wanted = Array.isArray(option.default) ? option.default.length : 0;
  const isOrdered = option.kind !== "range" || (numbers[0] ?? 0) <= (numbers[1] ?? 0);
  return numbers.length === entries.length && numbers.length === wanted && isOrdered ? numbers : null;
}

function entriesOf(text: string, separator: string): string[] {
  return text
    .split(separator)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}
