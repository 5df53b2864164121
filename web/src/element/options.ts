/** The settings of an adaptation as ONE table: the controls, their limits, the defaults and the reset are made from it. */

import type { DeviceChoice } from "../load-types.js";
import type { TtlOptions } from "../types.js";
import type { Strings } from "./strings.js";

export type OptionName = keyof Strings["controls"]["options"];
export type NumberOptionName = Exclude<OptionName, "device">;

/** The values of all settings. Entropies are in nats; `cropScaleMin` is a share of the picture's area. */
export type OptionValues = Readonly<Record<NumberOptionName, number>> & { readonly device: DeviceChoice };

export interface NumberOption {
  readonly name: NumberOptionName;
  readonly min: number;
  readonly max: number;
  /** Distance between neighbouring values; on a logarithmic slider it is in decades. */
  readonly step: number;
  readonly scale: "linear" | "logarithmic";
  readonly isWhole: boolean;
  /** The paper's value. */
  readonly default: number;
  /** Whether a slider makes sense: a seed is just a number. */
  readonly hasSlider: boolean;
}

const whole = { step: 1, scale: "linear", isWhole: true, hasSlider: true } as const;
const real = { scale: "linear", isWhole: false, hasSlider: true } as const;

/** Limits and defaults (those of the TTL paper, arXiv 2407.15913), in the order of the controls. */
export const NUMBER_OPTIONS: readonly NumberOption[] = [
  { name: "steps", ...whole, min: 1, max: 50, default: 1 },
  { name: "learningRate", ...real, scale: "logarithmic", step: 0.05, min: 1e-5, max: 0.1, default: 5e-3 },
  { name: "views", ...whole, min: 1, max: 256, default: 64 },
  { name: "cropScaleMin", ...real, step: 0.01, min: 0.01, max: 1, default: 0.08 },
  { name: "rank", ...whole, min: 1, max: 64, default: 16 },
  { name: "alpha", ...whole, min: 1, max: 128, default: 32 },
  { name: "layers", ...whole, min: 1, max: 12, default: 3 },
  { name: "margin", ...real, step: 0.05, min: 0, max: 3, default: 0.4 },
  { name: "seed", ...whole, min: 0, max: 4_294_967_295, default: 0, hasSlider: false },
];

export const DEVICE_CHOICES: readonly DeviceChoice[] = ["auto", "webgpu", "cpu"];

/** The paper's values. */
export function defaultValues(): OptionValues {
  const numbers = Object.fromEntries(NUMBER_OPTIONS.map((option) => [option.name, option.default]));
  return { ...(numbers as Record<NumberOptionName, number>), device: "auto" };
}

/** Names of the settings that differ from the paper's; the seed and the device are not the paper's matter. */
export function changedOptions(values: OptionValues): NumberOptionName[] {
  return NUMBER_OPTIONS.filter((option) => option.name !== "seed" && values[option.name] !== option.default).map((option) => option.name);
}

/** The options in the form that `ClipTtl.adapt` takes. */
export function toAdaptOptions(values: OptionValues): TtlOptions & { readonly views: number } {
  const { cropScaleMin, device: _device, ...same } = values;
  return { ...same, cropScale: [cropScaleMin, 1] };
}

/** The setting that an engine's option name belongs to, or null where the page has no control for it. */
export function optionOfEngineName(engineName: string): OptionName | null {
  const camel = engineName.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  if (camel.startsWith("cropScale")) return "cropScaleMin";
  return NUMBER_OPTIONS.find((option) => option.name === camel)?.name ?? null;
}

/** Where a slider stands for a value: the value itself, or its decimal logarithm. */
export function toSlider(option: NumberOption, value: number): number {
  return option.scale === "logarithmic" ? Math.log10(value) : value;
}

/** The value of a slider's position, rounded to what a person would type. */
export function fromSlider(option: NumberOption, position: number): number {
  if (option.scale === "linear") return position;
  return Number((10 ** position).toPrecision(2));
}

/** Whether a typed number may be used. */
export function isAllowed(option: NumberOption, value: number): boolean {
  if (!Number.isFinite(value) || value < option.min || value > option.max) return false;
  return !option.isWhole || Number.isInteger(value);
}
