/** Which language an element speaks, and how others are added. */

import { english, type ElementStrings } from "./strings.js";
import { japanese } from "./strings-ja.js";

/** A translation may leave texts out: they are English then. Texts with values in them are functions. */
export type PartialStrings = { readonly [Group in keyof ElementStrings]?: DeepPartial<ElementStrings[Group]> };
type DeepPartial<Value> = Value extends (...values: never[]) => unknown ? Value : Value extends object ? { readonly [Key in keyof Value]?: DeepPartial<Value[Key]> } : Value;

const languages = new Map<string, ElementStrings>([
  ["en", english],
  ["ja", japanese],
]);
const listeners = new Set<() => void>();

/**
 * Adds a language, or replaces one: `registerStrings("de", { widget: { buttons: { run: "Los" } } })`. Elements that speak it change at
 * once.
 *
 * @param lang a BCP 47 tag, such as `de` or `pt-BR`
 */
export function registerStrings(lang: string, strings: PartialStrings): void {
  languages.set(lang.toLowerCase(), merge(english, { locale: lang, ...strings }) as ElementStrings);
  for (const listener of [...listeners]) listener();
}

/** Calls back whenever a language was registered, until the returned function is called. */
export function watchLanguages(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** The texts of the nearest language that there is: `pt-BR` is looked for as `pt-br`, then as `pt`; else English. */
export function stringsFor(lang: string): ElementStrings {
  const parts = lang.toLowerCase().split("-");
  for (let length = parts.length; length > 0; length -= 1) {
    const strings = languages.get(parts.slice(0, length).join("-"));
    if (strings !== undefined) return strings;
  }
  return english;
}

/** The language of a node: the nearest `lang`, through shadow roots; where nobody said, English. */
export function languageOf(element: Element): string {
  // By their shape and not by their class: an element may have been moved into a frame, whose nodes are of other classes.
  for (let node: Node | null = element; node !== null; node = "host" in node ? (node as ShadowRoot).host : node.parentNode) {
    const lang = "getAttribute" in node ? (node as Element).getAttribute("lang") : null;
    if (lang !== null && lang !== "") return lang;
  }
  return "en";
}

function merge(base: unknown, changes: unknown): unknown {
  if (!isGroup(base) || !isGroup(changes)) return changes === undefined ? base : changes;
  const keys = new Set([...Object.keys(base), ...Object.keys(changes)]);
  return Object.fromEntries([...keys].map((key) => [key, merge(base[key], changes[key])]));
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
