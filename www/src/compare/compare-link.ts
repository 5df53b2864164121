/**
 * A comparison in the page's address: what the other pages' links have, and `methods=ttl,zero&ttl.steps=3`. A link may come from anybody: options are
 * checked against their descriptions, and what can't be done is left out with a note.
 */

import type { MethodDescription, MethodName, MethodOptions, OptionValue } from "clip-ttl";
import { formatPageLink, readPageLink, type PageLink } from "../link.js";
import { shorten } from "../strings.js";
import { formatOption, isDefault, parseOption } from "./option-values.js";
import { words } from "./words.js";

export interface CompareLink {
  readonly page: PageLink;
  /** Null: nothing about them. */
  readonly methods: readonly MethodName[] | null;
  /** Options that differ from their defaults. */
  readonly options: ReadonlyMap<MethodName, MethodOptions>;
}

/** Longer texts than this stand in no option. */
const MAX_CHARACTERS = 2000;

/** Reads the part of an address behind `#`, with notes on what was left out. */
export function readCompareLink(hash: string, known: readonly MethodDescription[]): CompareLink & { readonly notes: readonly string[] } {
  const rest = new URLSearchParams();
  const notes: string[] = [];
  const options = new Map<MethodName, Record<string, OptionValue>>();
  let methods: MethodName[] | null = null;
  const said = hash.replace(/^#/, "");
  for (const [key, value] of said.includes("=") ? new URLSearchParams(said) : []) {
    const [name, optionName] = key.split(".", 2);
    const method = known.find((description) => description.name === name);
    if (key === "methods") {
      const named = value.split(",").filter((entry) => entry !== "");
      methods = known.filter((description) => named.includes(description.name)).map((description) => description.name);
      const strange = named.filter((entry) => !known.some((description) => description.name === entry));
      notes.push(...strange.map((entry) => words.link.noMethod(shorten(entry))));
    } else if (method !== undefined && optionName !== undefined) {
      const option = method.options.find((description) => description.name === optionName);
      const read = option === undefined || value.length > MAX_CHARACTERS ? null : parseOption(option, value);
      if (option === undefined || read === null) notes.push(words.link.noOption(shorten(`${key}=${value}`), method.title));
      else options.set(method.name, { ...options.get(method.name), [option.name]: read });
    } else {
      rest.append(key, value);
    }
  }
  const { notes: ofPage, ...page } = readPageLink(rest.toString());
  return { page, methods, options, notes: [...ofPage, ...notes] };
}

/** The part of an address behind `#`, without it. Reading it gives the same again. */
export function formatCompareLink({ page, methods, options }: CompareLink, known: readonly MethodDescription[]): string {
  const own = new URLSearchParams();
  if (methods !== null) own.set("methods", methods.join(","));
  for (const method of known) {
    const given = options.get(method.name) ?? {};
    for (const option of method.options) {
      const value = given[option.name];
      if (value !== undefined && !isDefault(option, value)) own.set(`${method.name}.${option.name}`, formatOption(option, value));
    }
  }
  return [formatPageLink(page), own.toString().replaceAll("%2C", ",").replaceAll("%7B%7D", "{}")].filter((part) => part !== "").join("&");
}
