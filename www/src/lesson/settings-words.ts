/** The settings of a run in a line. */

import { english } from "clip-ttl/element";
import type { Values } from "./spec.js";
import { words } from "./words.js";

/** `5 updates, rank 16, learning rate 0.005, margin 0.4, 64 views, seed 3` */
export function describeSettings(values: Values): string {
  const named = (["rank", "learningRate", "margin"] as const).map((name) => `${english.controls.options[name].label.toLowerCase()} ${values[name]}`);
  return [words.updates(values.steps), ...named, words.run.views(values.views), `${english.controls.options.seed.label.toLowerCase()} ${values.seed}`].join(", ");
}
