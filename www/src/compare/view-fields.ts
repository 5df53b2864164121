/** The fields for what all methods share: how many views, and which. They are the demo's settings, with its limits and words. */

import type { OptionDescription } from "clip-ttl";
import { english, NUMBER_OPTIONS } from "clip-ttl/element";
import type { LinkedSettings } from "../link.js";
import { byId } from "../page-dom.js";
import { OptionFields } from "./option-fields.js";

const SHARED = ["views", "cropScaleMin", "seed"] as const;

export type ViewSettings = Readonly<Record<(typeof SHARED)[number], number>>;

const shared = NUMBER_OPTIONS.filter(({ name }) => isShared(name));
const defaults = Object.fromEntries(shared.map(({ name, default: usual }) => [name, usual])) as ViewSettings;

export class ViewFields {
  readonly #fields: OptionFields;

  constructor(onChange: () => void) {
    this.#fields = new OptionFields("shared", shared.map(asDescription), onChange);
    byId("views-fields", HTMLElement).replaceChildren(this.#fields.element);
  }

  get values(): ViewSettings {
    return { ...defaults, ...(this.#fields.changed as Partial<ViewSettings>) };
  }

  /** What a link has to say: what differs from the defaults, and always the seed. */
  get linked(): LinkedSettings {
    return { ...(this.#fields.changed as LinkedSettings), seed: this.values.seed };
  }

  get firstInvalid(): HTMLElement | null {
    return this.#fields.firstInvalid;
  }

  /** Puts in what a link says; the others get their defaults. */
  set(settings: LinkedSettings): void {
    this.#fields.set(Object.fromEntries(Object.entries(settings).filter(([name]) => isShared(name))));
  }
}

function isShared(name: string): boolean {
  return (SHARED as readonly string[]).includes(name);
}

function asDescription({ name, min, max, isWhole, default: usual }: (typeof NUMBER_OPTIONS)[number]): OptionDescription {
  const { label, explanation } = english.controls.options[name];
  return { name, title: label, description: explanation, kind: isWhole ? "integer" : "number", default: usual, min, max, choices: [], paperDefault: null };
}
