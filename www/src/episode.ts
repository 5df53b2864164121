/** An episode as the page keeps it: what is shown, and the settings it belongs to. */

import type { OptionValues } from "clip-ttl/element";
import type { Known } from "./results.js";

/** An episode as far as it has come. */
export type Episode = Pick<Known, "plannedSteps" | "steps" | "report" | "viewCount" | "boxes" | "viewsEncoded"> & {
  /** The settings it was or would be run with. */
  readonly values: OptionValues;
};

/** Nothing yet, for the given settings. */
export function emptyEpisode(values: OptionValues): Episode {
  return { plannedSteps: values.steps, steps: [], report: null, viewCount: values.views, boxes: null, viewsEncoded: 0, values };
}

/** Whether two sets of settings agree in everything but one. */
export function sameBut(except: keyof OptionValues, one: OptionValues, other: OptionValues): boolean {
  const names = Object.keys(one) as (keyof OptionValues)[];
  return names.every((name) => name === except || one[name] === other[name]);
}
