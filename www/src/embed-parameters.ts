/**
 * What `embed.html` can be told, in its address or by a `set`: one table says what may stand there. An address may come from anybody, so that
 * each value is checked before the element sees it, and what can't be done is left out and said.
 */

import { isAllowed, NUMBER_OPTIONS } from "clip-ttl/element";
import { shorten } from "./strings.js";

/** Text that may be set, or what is wrong with it. */
type Checked = { readonly text: string } | { readonly code: "option-invalid" | "url-invalid"; readonly wrong: string };
type Check = (text: string) => Checked;

/** Labels and sentences of this length can be read by nobody, let alone by a model of 77 tokens a label. */
const MAX_LABELS_CHARACTERS = 20_000;
const MAX_SENTENCE_CHARACTERS = 500;

/** The numbers' limits are those of the settings. Each parameter is the element's attribute of the same name, but for `theme`. */
const CHECKS = {
  /** As the attribute takes them: the name of a preset, a list with commas, one a line, or a JSON list. */
  labels: upTo(MAX_LABELS_CHARACTERS),
  /** Address of a picture, counted from `embed.html`. Its server must let other sites read it. */
  src: address,
  /** What the picture shows, in words, for those who can't see it. */
  alt: upTo(MAX_SENTENCE_CHARACTERS),
  /** The sentence around each label, with `{}` where the label goes. */
  template: upTo(MAX_SENTENCE_CHARACTERS),
  steps: number("steps"),
  views: number("views"),
  seed: number("seed"),
  method: pattern(/^[a-z][a-z-]{0,31}$/, "a method's name"),
  device: oneOf("auto", "webgpu", "cpu"),
  /** Parts that are left out, as in `plot,views`. */
  hide: pattern(/^[a-z ,]{0,200}$/, "names of parts"),
  /** A BCP 47 tag. */
  lang: pattern(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$/, "a language such as en or ja"),
  /** Colours; `auto` is what the reader's system has. */
  theme: oneOf("auto", "light", "dark"),
  /** Whether the settings can be changed. */
  controls: flag,
  compact: flag,
  autorun: flag,
} as const satisfies Record<string, Check>;

export type EmbedParameter = keyof typeof CHECKS;
/** Values as text; null takes a parameter back, so that the default holds. */
export type EmbedParameters = { readonly [Name in EmbedParameter]?: string | null };

export interface EmbedProblem {
  readonly code: "option-invalid" | "url-invalid";
  readonly message: string;
}

export interface CheckedParameters {
  readonly parameters: EmbedParameters;
  /** What was left out and why. */
  readonly problems: readonly EmbedProblem[];
}

/** The parameters of an address. Those that are none of these are somebody else's. */
export function readAddress(search: string): CheckedParameters {
  const given = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(search)) {
    if (Object.hasOwn(CHECKS, name) && !given.has(name)) given.set(name, value);
  }
  return checkParameters(Object.fromEntries(given));
}

export function checkParameters(given: Readonly<Record<string, string | null>>): CheckedParameters {
  const parameters: Partial<Record<EmbedParameter, string | null>> = {};
  const problems: EmbedProblem[] = [];
  for (const [name, value] of Object.entries(given)) {
    if (!isParameter(name)) {
      problems.push({ code: "option-invalid", message: `There is no parameter "${shorten(name)}".` });
      continue;
    }
    const checked = value === null ? null : CHECKS[name](value.trim());
    if (checked === null) parameters[name] = null;
    else if ("text" in checked) parameters[name] = checked.text;
    else problems.push({ code: checked.code, message: `${name}=${shorten(value ?? "")} is left out: ${checked.wrong}.` });
  }
  return { parameters, problems };
}

/** Whether a parameter is true or false, and an attribute that is there or not. */
export function isFlag(name: EmbedParameter): boolean {
  return CHECKS[name] === flag;
}

function isParameter(name: string): name is EmbedParameter {
  return Object.hasOwn(CHECKS, name);
}

function invalid(wrong: string): Checked {
  return { code: "option-invalid", wrong };
}

function upTo(characters: number): Check {
  return (text) => (text.length <= characters ? { text } : invalid(`it has more than ${characters} characters`));
}

function pattern(expression: RegExp, what: string): Check {
  return (text) => (expression.test(text) ? { text } : invalid(`it is not ${what}`));
}

function oneOf(...choices: readonly string[]): Check {
  return (text) => (choices.includes(text.toLowerCase()) ? { text: text.toLowerCase() } : invalid(`possible are ${choices.join(", ")}`));
}

function number(name: "steps" | "views" | "seed"): Check {
  const option = NUMBER_OPTIONS.find((known) => known.name === name);
  if (option === undefined) throw new TypeError(`there is no setting ${name}`);
  // Not all that Number() takes: "0x10" and "" are no numbers that anybody means.
  return (text) => (/^\d+$/.test(text) && isAllowed(option, Number(text)) ? { text } : invalid(`possible are whole numbers from ${option.min} to ${option.max}`));
}

function flag(text: string): Checked {
  if (["", "1", "true"].includes(text.toLowerCase())) return { text: "true" };
  return ["0", "false"].includes(text.toLowerCase()) ? { text: "false" } : invalid("possible are true and false");
}

function address(text: string): Checked {
  const wrong = { code: "url-invalid", wrong: "only pictures at http:, https: and data:image/ addresses are shown" } as const;
  try {
    const { protocol, href } = new URL(text, document.baseURI);
    return protocol === "https:" || protocol === "http:" || /^data:image\//i.test(href) ? { text: href } : wrong;
  } catch {
    return wrong;
  }
}
