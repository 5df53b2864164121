/** The settings of the next run: what the attributes say, what a script gave, what a recorded run had, the paper's. */

import { defaultValues, NUMBER_OPTIONS, toAdaptOptions, type NumberOptionName, type OptionValues } from "../element/options.js";
import type { DeviceChoice } from "../load-types.js";
import type { TtlOptions } from "../types.js";
import type { RunSettings } from "./session.js";

/** Settings that are attributes too. */
const WITH_ATTRIBUTES = ["steps", "views", "seed"] as const satisfies readonly NumberOptionName[];
type WithAttribute = (typeof WITH_ATTRIBUTES)[number];

/** What an element's attributes say. */
export interface AttributeSettings extends Readonly<Record<WithAttribute, number>> {
  readonly device: DeviceChoice;
  readonly method: string;
  hasAttribute(name: string): boolean;
}

/** The values of the controls. */
export function controlValues(attributes: AttributeSettings, given: TtlOptions, recorded: TtlOptions | null): OptionValues {
  const values: Record<NumberOptionName, number> & { device: DeviceChoice } = { ...defaultValues(), device: attributes.device };
  for (const options of [recorded ?? {}, given]) {
    for (const { name } of NUMBER_OPTIONS) {
      const value = name === "cropScaleMin" ? options.cropScale?.[0] : options[name];
      if (value !== undefined) values[name] = value;
    }
  }
  for (const name of WITH_ATTRIBUTES) if (attributes.hasAttribute(name)) values[name] = attributes[name];
  return values;
}

/** What a run is started with. Options that have no control are those that a script gave. */
export function runSettings(attributes: AttributeSettings, given: TtlOptions, recorded: TtlOptions | null): RunSettings {
  const { method } = attributes;
  const { cropScale, ...values } = toAdaptOptions(controlValues(attributes, given, recorded));
  return { ...given, ...values, cropScale: [cropScale?.[0] ?? 0.08, given.cropScale?.[1] ?? 1], method: method as RunSettings["method"] };
}

/** Options with the values that somebody chose by the controls, without those that attributes hold. */
export function fromControls(given: TtlOptions, values: OptionValues): TtlOptions {
  const { cropScale, steps: _steps, views: _views, seed: _seed, ...others } = toAdaptOptions(values);
  return { ...given, ...others, cropScale: [cropScale?.[0] ?? 0.08, given.cropScale?.[1] ?? 1] };
}
