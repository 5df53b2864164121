/** A run as it is asked for, with nothing left open: what a link says, completed by the page's defaults. */

import { defaultValues, NUMBER_OPTIONS, type NumberOptionName } from "clip-ttl/element";
import { EMPTY_LINK, settingsBut, type LinkedSettings, type PageLink } from "../link.js";
import { DEFAULT_TEMPLATE } from "../presets.js";

export type Values = Readonly<Record<NumberOptionName, number>>;

export interface RunSpec {
  /** File name of a sample, or `OWN_PICTURE`. */
  readonly picture: string;
  readonly labels: readonly string[];
  readonly template: string;
  readonly values: Values;
}

/** The settings that the paper has, with those of a link in their place. */
export function valuesOf(settings: LinkedSettings): Values {
  const { device: _device, ...numbers } = defaultValues();
  return { ...numbers, ...settings };
}

/** The run of a link; null where it names no picture or labels. */
export function specOf({ picture, labels, template, settings }: PageLink): RunSpec | null {
  if (picture === null || labels === null) return null;
  return { picture, labels, template: template ?? DEFAULT_TEMPLATE, values: valuesOf(settings) };
}

/** The second run of a link: the first one's, but for some settings. */
export function otherSpec(spec: RunSpec, other: LinkedSettings): RunSpec {
  return { ...spec, values: { ...spec.values, ...other } };
}

/** The link to a run. */
export function linkTo({ picture, labels, template, values }: RunSpec): PageLink {
  const { device: _device, ...defaults } = defaultValues();
  // The seed is always said: without it nothing could be computed again, should the default ever change.
  const settings = { ...settingsBut(defaults, values), seed: values.seed };
  return { ...EMPTY_LINK, picture, labels, template: template === DEFAULT_TEMPLATE ? null : template, settings };
}

/** Whether two runs are the same, and so have the same result. */
export function isSameRun(one: RunSpec, other: RunSpec): boolean {
  const isSameText = one.picture === other.picture && one.template === other.template && one.labels.length === other.labels.length;
  return isSameText && one.labels.every((label, at) => label === other.labels[at]) && NUMBER_OPTIONS.every(({ name }) => one.values[name] === other.values[name]);
}
