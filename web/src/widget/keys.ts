/**
 * Keys that are pressed within an element, as the page around it hears of them. Many pages listen for single keys: slides turn with the
 * arrows, books search with "s". They leave text fields alone, but can't see one that is in a shadow root.
 */

import { isShortcut } from "../element/dom.js";

/** Lets keys out of an element only if nothing within has a use for them. */
export function keepKeys(host: HTMLElement): void {
  host.addEventListener("keydown", (event) => {
    if (isUsedWithin(event)) event.stopPropagation();
  });
}

function isUsedWithin(event: KeyboardEvent): boolean {
  if (event.defaultPrevented) return true;
  if (isShortcut(event) || event.key === "Escape" || event.key === "Tab") return false;
  const name = (event.composedPath()[0] as Partial<Element> | undefined)?.localName ?? "";
  if (["input", "textarea", "select"].includes(name)) return true;
  return ["button", "summary", "a"].includes(name) && (event.key === " " || event.key === "Enter");
}
