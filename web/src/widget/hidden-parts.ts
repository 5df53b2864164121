/** Which parts an element leaves out, by its attributes. */

import type { HideablePart } from "./attributes.js";

/** What a compact element leaves out: it is a picture with an answer. */
const NOT_COMPACT: readonly HideablePart[] = ["labels", "template", "device", "plot", "views"];

/** `hide` and `compact` add up; the settings are there only where `controls` asks for them. */
export function hiddenParts({ hide, compact, controls }: { readonly hide: readonly HideablePart[]; readonly compact: boolean; readonly controls: boolean }): Set<HideablePart> {
  const hidden = new Set(hide);
  if (compact) for (const part of NOT_COMPACT) hidden.add(part);
  if (!controls) hidden.add("settings");
  return hidden;
}
