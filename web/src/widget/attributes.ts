/** How attributes are read and written: text on one side, values with sane defaults on the other. Bad text gives the default. */

import type { DeviceChoice, WeightsChoice } from "../load-types.js";
import { isLabelPreset, LABEL_PRESETS } from "./presets.js";

/** What `hide` can leave out. */
export const HIDEABLE = [
  "picture",
  "labels",
  "template",
  "buttons",
  "device",
  "status",
  "answer",
  "bars",
  "settings",
  "plot",
  "views",
] as const;
export type HideablePart = (typeof HIDEABLE)[number];

/** When model and engine are fetched: near the view, at once, or only when somebody uses the element. */
export const LOADING_CHOICES = ["lazy", "eager", "manual"] as const;
export type LoadingChoice = (typeof LOADING_CHOICES)[number];

export const DEVICE_CHOICES = ["auto", "webgpu", "cpu"] as const satisfies readonly DeviceChoice[];
export const DTYPE_CHOICES = ["auto", "f32", "f16", "q8", "q4"] as const satisfies readonly WeightsChoice[];

/** What has to be seen to where an attribute changes. */
export type AttributeEffect = "engine" | "question" | "picture" | "settings" | "parts" | "language" | "other";

const EFFECTS: ReadonlyMap<string, AttributeEffect> = new Map<string, AttributeEffect>([
  ...["model", "dtype", "device", "asset-base"].map((name) => [name, "engine"] as const),
  ...["labels", "template"].map((name) => [name, "question"] as const),
  ["src", "picture"],
  ...["steps", "views", "seed", "method"].map((name) => [name, "settings"] as const),
  ...["controls", "hide", "compact"].map((name) => [name, "parts"] as const),
  ["lang", "language"],
]);

export function effectOf(attribute: string): AttributeEffect {
  return EFFECTS.get(attribute) ?? "other";
}

/** One of a few words; anything else is the first of them. */
export function readChoice<Choice extends string>(text: string | null, choices: readonly [Choice, ...Choice[]]): Choice {
  const wanted = text?.trim().toLowerCase();
  return choices.find((choice) => choice === wanted) ?? choices[0];
}

/** A whole number within limits; anything else is `otherwise`. */
export function readWhole(text: string | null, limits: { readonly min: number; readonly max: number }, otherwise: number): number {
  const trimmed = text?.trim() ?? "";
  if (!/^\d+$/.test(trimmed)) return otherwise;
  const value = Number(trimmed);
  return value >= limits.min && value <= limits.max ? value : otherwise;
}

/** The parts that a list like `"plot views"` names; words that name none are left out. */
export function readHide(text: string | null): HideablePart[] {
  const words = new Set((text ?? "").toLowerCase().split(/[\s,]+/));
  return HIDEABLE.filter((part) => words.has(part));
}

/**
 * Labels as an author writes them: the name of a preset; a list with commas; one a line, where a label has commas of its own; or
 * a JSON list. Outer spaces, empty entries and repetitions are left out.
 */
export function readLabels(text: string | null): string[] {
  const trimmed = text?.trim() ?? "";
  if (isLabelPreset(trimmed)) return [...LABEL_PRESETS[trimmed]];
  return tidy(fromJson(trimmed) ?? trimmed.split(trimmed.includes("\n") ? /\r?\n/ : ","));
}

/** The text that `readLabels` makes the same labels of. */
export function writeLabels(labels: readonly string[]): string {
  const isPlain = labels.every((label) => !/[,\n\r]/.test(label)) && !/^\s*\[/.test(labels[0] ?? "") && !(labels.length === 1 && isLabelPreset(labels[0] ?? ""));
  return isPlain ? labels.join(", ") : JSON.stringify(labels);
}

/** One label a line, as a person types them; repetitions stay, so that they can be pointed out. */
export function labelLines(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function tidy(labels: readonly string[]): string[] {
  return [...new Set(labels.map((label) => label.trim()).filter((label) => label !== ""))];
}

function fromJson(text: string): string[] | null {
  if (!text.startsWith("[")) return null;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((label) => typeof label === "string") ? list : null;
  } catch {
    return null;
  }
}
