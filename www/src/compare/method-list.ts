/** The methods to choose from, in groups by what they cost, each with its options folded away. */

import type { MethodChoice, MethodDescription, MethodName, MethodOptions } from "clip-ttl";
import { byId, make, onPress, ProblemLine, setText } from "../page-dom.js";
import { KINDS } from "./methods.js";
import { OptionFields } from "./option-fields.js";
import { words } from "./words.js";

interface Entry {
  readonly method: MethodDescription;
  readonly element: HTMLElement;
  readonly box: HTMLInputElement;
  readonly details: HTMLDetailsElement;
  readonly changed: HTMLElement;
  readonly fields: OptionFields;
}

export class MethodList {
  readonly #entries: readonly Entry[];
  readonly #onChange: () => void;
  readonly #problem = new ProblemLine(byId("methods-problem", HTMLElement));

  constructor(methods: readonly MethodDescription[], onChange: () => void) {
    this.#onChange = onChange;
    this.#entries = methods.map((method) => this.#entry(method));
    const kinds = KINDS.map((kind) => {
      const { title, note } = words.kinds[kind];
      const entries = this.#entries.filter(({ method }) => method.kind === kind);
      return make("fieldset", { class: "method-kind" }, make("legend", {}, title), make("p", { class: "note" }, note), ...entries.map(({ element }) => element));
    });
    byId("methods", HTMLElement).replaceChildren(...kinds);
    const choose = (id: string, which: (method: MethodDescription) => boolean): void =>
      onPress(byId(id, HTMLButtonElement), () => {
        this.choose(methods.filter(which).map(({ name }) => name));
        this.#changed();
      });
    choose("choose-usual", isUsual);
    choose("choose-all", () => true);
    choose("choose-none", () => false);
    this.choose(null);
  }

  /** Names of the methods that are chosen, in the order of the page. */
  get chosen(): MethodName[] {
    return this.#entries.filter(({ box }) => box.checked).map(({ method }) => method.name);
  }

  /** Options that differ from their defaults, of all methods. */
  get options(): Map<MethodName, MethodOptions> {
    return new Map(this.#entries.map(({ method, fields }) => [method.name, fields.changed]));
  }

  /** What is to be compared; null where nothing is chosen or an option is wrong, and then the focus is there. */
  get choices(): MethodChoice[] | null {
    const chosen = this.#entries.filter(({ box }) => box.checked);
    this.#problem.show(chosen.length === 0 ? words.methods.none : "");
    if (chosen.length === 0) {
      this.#entries[0]?.box.focus();
      return null;
    }
    for (const { fields, details } of chosen) {
      const invalid = fields.firstInvalid;
      if (invalid === null) continue;
      details.open = true;
      invalid.focus();
      return null;
    }
    return chosen.map(({ method, fields }) => ({ method: method.name, options: fields.changed }));
  }

  /** Chooses methods; null: the usual ones. */
  choose(names: readonly MethodName[] | null): void {
    for (const { method, box } of this.#entries) box.checked = names === null ? isUsual(method) : names.includes(method.name);
  }

  /** Puts options in; what isn't among them gets its default. */
  setOptions(options: ReadonlyMap<MethodName, MethodOptions>): void {
    for (const entry of this.#entries) {
      entry.fields.set(options.get(entry.method.name) ?? {});
      this.#describe(entry);
    }
  }

  #entry(method: MethodDescription): Entry {
    const id = `method-${method.name}`;
    const box = make("input", { type: "checkbox", id, "aria-describedby": `${id}-summary` });
    const changed = make("span", { class: "note" });
    const fields = new OptionFields(id, method.options, () => {
      this.#describe(entry);
      this.#onChange();
    });
    const reset = make("button", { type: "button", class: "preset" }, words.methods.reset, make("span", { class: "unseen" }, ` ${method.title}`));
    const summary = make("summary", {}, words.methods.options, make("span", { class: "unseen" }, ` of ${method.title}`), " ", changed);
    const details = make("details", {}, summary, fields.element, reset);
    const about = make("a", { href: `./docs/methods/${method.name}.html` }, words.methods.about, make("span", { class: "unseen" }, `: ${method.title}`));
    const needs = method.needsStatistics ? [make("p", { class: "note" }, words.methods.statistics)] : [];
    const element = make(
      "div",
      { class: "method" },
      make("label", { class: "method-name" }, box, method.title),
      make("p", { class: "method-summary", id: `${id}-summary` }, method.summary, " ", about),
      ...needs,
      details,
    );
    const entry: Entry = { method, element, box, details, changed, fields };
    onPress(reset, () => {
      fields.set({});
      this.#describe(entry);
      this.#onChange();
    });
    box.addEventListener("change", () => this.#changed());
    return entry;
  }

  #changed(): void {
    this.#problem.clear();
    this.#onChange();
  }

  #describe({ fields, changed }: Entry): void {
    setText(changed, words.methods.changed(Object.keys(fields.changed).length));
  }
}

/** What costs next to nothing once the views are encoded, and the method of this demo. */
function isUsual({ kind, name }: MethodDescription): boolean {
  return kind === "features" || name === "ttl";
}
