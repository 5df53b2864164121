/** The settings of the next run: what the attributes say, what a script gave, what a recorded run had, the paper's. */

import { defaultValues, NUMBER_OPTIONS, type NumberOptionName, type OptionValues } from "../element/options.js";
import type { DeviceChoice } from "../load-types.js";
import type { MethodDescription, TtlOptions } from "../types.js";
import type { RunSettings } from "./session.js";

/** Settings that are attributes too. */
const WITH_ATTRIBUTES = ["steps", "views", "seed"] as const satisfies readonly NumberOptionName[];
type WithAttribute = (typeof WITH_ATTRIBUTES)[number];

/** Settings of the views, which all methods share: the list of a method's options leaves them out. */
const OF_VIEWS: readonly string[] = ["views", "cropScale", "seed", "chunkViews"] satisfies readonly (keyof TtlOptions)[];

/** What an element's attributes say. */
export interface AttributeSettings extends Readonly<Record<WithAttribute, number>> {
  readonly device: DeviceChoice;
  hasAttribute(name: string): boolean;
}

/** What a run's settings come from, beside the attributes: of each setting the last one counts. */
export interface SettingsSources {
  /** Of a recorded run. */
  readonly recorded: TtlOptions | null;
  /** By a script. */
  readonly given: TtlOptions;
  /** By the controls. */
  readonly chosen: TtlOptions;
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

/** What is wanted of a run. Defaults are nobody's wish: each method has its own. */
export function runSettings(attributes: AttributeSettings, method: string, { recorded, given, chosen }: SettingsSources): RunSettings {
  const wishes: Record<string, unknown> = {};
  for (const options of [recorded ?? {}, given, chosen]) {
    for (const [name, value] of Object.entries(options)) if (value !== undefined) wishes[name] = value;
  }
  for (const name of WITH_ATTRIBUTES) if (attributes.hasAttribute(name)) wishes[name] = attributes[name];
  return { ...given, method: method as MethodDescription["name"], wishes };
}

/**
 * What a run is started with, once it is known what methods there are. Attributes and controls are the same for all of them, so what a
 * method hasn't got is left out. What a script gave stays: the engine says what is wrong with it.
 */
export function fittingSettings({ wishes = {}, ...settings }: RunSettings, methods: readonly MethodDescription[]): RunSettings {
  const names = [...OF_VIEWS, ...optionsOf(settings, methods).map(({ name }) => name)];
  return { ...settings, ...Object.fromEntries(Object.entries(wishes).filter(([name]) => names.includes(name))) };
}

/** Number of updates that a run with these settings makes. FOA calls its updates generations. */
export function stepsOf(settings: RunSettings, methods: readonly MethodDescription[]): number {
  const option = optionsOf(settings, methods).find(({ name }) => name === "steps" || name === "generations");
  if (option === undefined) return 1;
  const steps: unknown = Reflect.get({ ...settings, ...settings.methodOptions }, option.name) ?? option.default;
  return typeof steps === "number" ? steps : 1;
}

/** Options that somebody chose by the controls just now, without those that attributes hold. */
export function fromControls({ cropScale }: TtlOptions, before: OptionValues, values: OptionValues): TtlOptions {
  const held: readonly string[] = WITH_ATTRIBUTES;
  const changed = NUMBER_OPTIONS.filter(({ name }) => values[name] !== before[name] && !held.includes(name));
  const { cropScaleMin, ...chosen }: Partial<Record<NumberOptionName, number>> = Object.fromEntries(changed.map(({ name }) => [name, values[name]]));
  return cropScaleMin === undefined ? chosen : { ...chosen, cropScale: [cropScaleMin, cropScale?.[1] ?? 1] };
}

/** The options of a run's method; none of one that there isn't. */
function optionsOf({ method = "ttl" }: RunSettings, methods: readonly MethodDescription[]): MethodDescription["options"] {
  return methods.find(({ name }) => name === method)?.options ?? [];
}
