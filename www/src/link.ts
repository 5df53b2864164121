/**
 * A run in the page's own address: `#picture=horses.jpg&labels=cow,sheep&steps=5&rank=16&seed=3&state=2&b.rank=4`.
 *
 * One table says what may stand there. A link may come from anybody: what it asks for is checked against the limits of the settings, and
 * what can't be done is left out with a note. Nothing in a link makes the page fetch anything but its own samples.
 */

import { isAllowed, NUMBER_OPTIONS, type NumberOption, type NumberOptionName } from "clip-ttl/element";
import { shorten, text } from "./strings.js";

/** The settings that a link names; those that it doesn't are the page's defaults. */
export type LinkedSettings = Readonly<Partial<Record<NumberOptionName, number>>>;

/** What a link says. Null: nothing about it. */
export interface PageLink {
  /** File name of a sample, or `OWN_PICTURE`. */
  readonly picture: string | null;
  readonly labels: readonly string[] | null;
  readonly template: string | null;
  readonly settings: LinkedSettings;
  /** Of the lesson: how many updates the shown state has behind it. */
  readonly state: number | null;
  /** Of the lesson: the settings in which a second run on the same views differs; null where there is none. */
  readonly other: LinkedSettings | null;
}

/** A link as it was read. */
export interface ReadLink extends PageLink {
  /** What was left out and why, in words. */
  readonly notes: readonly string[];
}

/** In the place of a sample's name: a picture that only the link's author has. */
export const OWN_PICTURE = "own";
export const EMPTY_LINK: PageLink = { picture: null, labels: null, template: null, settings: {}, state: null, other: null };

/** Settings that a second run may differ in; all else, the views above all, is the same. */
export const COMPARABLE = ["steps", "learningRate", "rank", "alpha", "layers", "margin"] as const satisfies readonly NumberOptionName[];

const OTHER = "b.";
/** Browsers take longer addresses, but nobody can pass them on. */
const MAX_CHARACTERS = 20_000;
const MAX_LABELS = 1000;
const MAX_LABEL_CHARACTERS = 300;
const MAX_STATE = 1000;

/** Reads the part of an address behind `#`. A mere anchor, as in `#how`, says nothing and is no mistake. */
export function readPageLink(hash: string): ReadLink {
  const said = hash.replace(/^#/, "");
  if (!said.includes("=")) return { ...EMPTY_LINK, notes: [] };
  if (said.length > MAX_CHARACTERS) return { ...EMPTY_LINK, notes: [text.link.tooLong] };
  const notes: string[] = [];
  const settings: Partial<Record<NumberOptionName, number>> = {};
  const other: Partial<Record<NumberOptionName, number>> = {};
  let link: PageLink = EMPTY_LINK;
  const seen = new Set<string>();
  for (const [key, value] of new URLSearchParams(said)) {
    if (seen.has(key)) continue;
    seen.add(key);
    const result = readEntry(key, value, settings, other);
    if (typeof result === "string") notes.push(result);
    else link = { ...link, ...result };
  }
  const hasOther = Object.keys(other).length > 0;
  return { ...link, settings, other: hasOther ? other : null, notes };
}

/** What one entry says, or the note on why it is left out. Settings are put where they belong. */
function readEntry(
  key: string,
  value: string,
  settings: Partial<Record<NumberOptionName, number>>,
  other: Partial<Record<NumberOptionName, number>>,
): Partial<PageLink> | string {
  switch (key) {
    case "picture":
      return /^[\w-][\w.-]{0,99}$/.test(value) ? { picture: value } : text.link.noPicture(shorten(value));
    case "labels":
      return readLabels(value);
    case "template":
      return value.includes("{}") && value.length <= MAX_LABEL_CHARACTERS ? { template: oneLine(value) } : text.link.noTemplate(shorten(value));
    case "state": {
      const state = Number(value);
      const isState = /^\d{1,4}$/.test(value) && state <= MAX_STATE;
      return isState ? { state } : text.link.noState(shorten(value));
    }
    default: {
      const isOther = key.startsWith(OTHER);
      const name = isOther ? key.slice(OTHER.length) : key;
      const option = NUMBER_OPTIONS.find((known) => known.name === name);
      if (option === undefined || (isOther && !isComparable(option.name))) return text.link.unknown(shorten(key));
      const number = readNumber(value, option);
      if (number === null) return text.link.outOfRange(shorten(`${key}=${value}`), option.isWhole, String(option.min), String(option.max));
      (isOther ? other : settings)[option.name] = number;
      return {};
    }
  }
}

function isComparable(name: NumberOptionName): boolean {
  return (COMPARABLE as readonly NumberOptionName[]).includes(name);
}

function readNumber(value: string, option: NumberOption): number | null {
  if (!/^\d{1,12}(\.\d{1,12})?(e-?\d{1,2})?$/i.test(value)) return null;
  const number = Number(value);
  return isAllowed(option, number) ? number : null;
}

/** Labels stand between commas; a comma within one, or a backslash, has a backslash before it. */
function readLabels(value: string): Partial<PageLink> | string {
  const parts = value.match(/(?:\\[\s\S]|[^,\\])+/g) ?? [];
  const labels = parts.map((part) => oneLine(part.replace(/\\([\s\S])/g, "$1"))).filter((label) => label !== "");
  if (labels.length === 0) return text.link.noLabels;
  const fits = labels.length <= MAX_LABELS && labels.every((label) => label.length <= MAX_LABEL_CHARACTERS);
  return fits ? { labels } : text.link.labelsTooLong(MAX_LABELS, MAX_LABEL_CHARACTERS);
}

/** Without line breaks and other control characters, which a field for one line would drop as well. */
function oneLine(value: string): string {
  return value.replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, " ").trim();
}

/** Whether a link says nothing at all. */
export function isEmptyLink(link: PageLink): boolean {
  return formatPageLink(link) === "";
}

/** The part of an address behind `#`, without it. Reading it gives the same link again. */
export function formatPageLink(link: PageLink): string {
  const entries = new URLSearchParams();
  if (link.picture !== null) entries.set("picture", link.picture);
  if (link.labels !== null) entries.set("labels", link.labels.map((label) => label.replace(/[\\,]/g, "\\$&")).join(","));
  if (link.template !== null) entries.set("template", link.template);
  const write = (prefix: string, settings: LinkedSettings): void => {
    for (const { name } of NUMBER_OPTIONS) {
      const value = settings[name];
      if (value !== undefined) entries.set(prefix + name, String(value));
    }
  };
  write("", link.settings);
  if (link.state !== null) entries.set("state", String(link.state));
  if (link.other !== null) write(OTHER, link.other);
  // These may stand behind # as they are, and are easier to read so.
  return entries.toString().replaceAll("%2C", ",").replaceAll("%2F", "/").replaceAll("%7B%7D", "{}");
}

/** Puts what a link says into the page's address, behind `#`, without a new entry in the history. Nothing leaves an anchor alone. */
export function showInAddress(said: string): void {
  const present = location.hash.replace(/^#/, "");
  if (said === present || (said === "" && !present.includes("="))) return;
  history.replaceState(history.state, "", said === "" ? location.pathname + location.search : `#${said}`);
}

/** Settings that differ from given ones, so that a link says only what it has to. */
export function settingsBut(base: Readonly<Record<NumberOptionName, number>>, values: Readonly<Record<NumberOptionName, number>>): LinkedSettings {
  const changed = NUMBER_OPTIONS.filter(({ name }) => values[name] !== base[name]);
  return Object.fromEntries(changed.map(({ name }) => [name, values[name]]));
}
