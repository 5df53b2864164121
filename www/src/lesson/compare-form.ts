/** The settings in which a second run differs: a number field for each, empty where it is as in the first. */

import { english, isAllowed, NUMBER_OPTIONS, type NumberOption, type NumberOptionName } from "clip-ttl/element";
import { COMPARABLE, type LinkedSettings } from "../link.js";
import { byId, make, onPress, ProblemLine } from "../page-dom.js";
import type { Values } from "./spec.js";
import { words } from "./words.js";

interface Field {
  readonly option: NumberOption;
  readonly input: HTMLInputElement;
  readonly problem: ProblemLine;
  /** Whether the reader has typed there what no run has yet. */
  isEdited: boolean;
}

export interface CompareListener {
  /** A second run is asked for. */
  compare(other: LinkedSettings): void;
  /** The second run isn't wanted any more. */
  removeOther(): void;
}

export class CompareForm {
  readonly #form = byId("compare-form", HTMLFormElement);
  readonly #fields: readonly Field[];
  readonly #run = make("button", { type: "submit", class: "button primary", id: "compare-run" }, words.compare.run);
  readonly #remove = make("button", { type: "button", class: "button" }, words.compare.remove);
  readonly #note: ProblemLine;
  #values: Values | null = null;

  constructor(listener: CompareListener) {
    this.#fields = COMPARABLE.map((name) => this.#build(name));
    const noteElement = make("p", { class: "problem", id: "compare-problem", hidden: "" });
    this.#note = new ProblemLine(noteElement);
    this.#form.append(
      make("div", { class: "buttons" }, this.#run, this.#remove),
      noteElement,
    );
    this.#remove.hidden = true;
    onPress(this.#remove, () => listener.removeOther());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const other = this.#read();
      if (other !== null) listener.compare(other);
    });
  }

  /**
   * Shows the first run's settings, which the second one has but for the given ones; null: there is no second run. What the reader has typed
   * meanwhile stays.
   */
  show(values: Values, other: LinkedSettings | null): void {
    this.#values = values;
    for (const field of this.#fields) {
      const { option, input, problem } = field;
      const value = other?.[option.name] ?? values[option.name];
      input.placeholder = String(values[option.name]);
      if (field.isEdited && numberIn(field, values) !== value) continue;
      field.isEdited = false;
      input.value = String(value);
      problem.clear();
    }
    this.#note.clear();
    // A button that goes away must not take the focus with it.
    if (other === null && document.activeElement === this.#remove) this.#run.focus();
    this.#remove.hidden = other === null;
  }

  /** Another link's run is to come: what was typed for the one before it isn't meant any more. */
  forgetTyped(): void {
    for (const field of this.#fields) field.isEdited = false;
  }

  /** Says why there can't be a second run. */
  showProblem(message: string): void {
    this.#note.show(message);
  }

  #build(name: NumberOptionName): Field {
    const option = NUMBER_OPTIONS.find((known) => known.name === name);
    if (option === undefined) throw new TypeError(`there is no setting ${name}`);
    const id = `compare-${name}`;
    const input = make("input", { type: "text", id, inputmode: option.isWhole ? "numeric" : "decimal", autocomplete: "off", "aria-describedby": `${id}-problem` });
    const problem = make("p", { class: "problem", id: `${id}-problem`, hidden: "" });
    this.#form.append(make("div", { class: "compare-field" }, make("label", { for: id }, english.controls.options[name].label), input, problem));
    const field: Field = { option, input, problem: new ProblemLine(problem, input), isEdited: false };
    input.addEventListener("input", () => {
      field.isEdited = true;
    });
    return field;
  }

  /** The settings that differ; null where one is no allowed value, or none differs, which is then shown. */
  #read(): LinkedSettings | null {
    const values = this.#values;
    if (values === null) return null;
    const other: Partial<Record<NumberOptionName, number>> = {};
    let firstWrong: HTMLInputElement | null = null;
    for (const field of this.#fields) {
      const { option, input, problem } = field;
      const value = numberIn(field, values);
      const isFine = isAllowed(option, value);
      const limits = option.isWhole ? english.controls.notWhole : english.controls.outOfRange;
      problem.show(isFine ? "" : limits(String(option.min), String(option.max)));
      if (!isFine) firstWrong ??= input;
      else if (value !== values[option.name]) other[option.name] = value;
    }
    firstWrong?.focus();
    if (firstWrong !== null) return null;
    const differs = Object.keys(other).length > 0;
    this.#note.show(differs ? "" : words.compare.same);
    return differs ? other : null;
  }
}

/** What a field says; an empty one, that it is as in the first run. */
function numberIn({ option, input }: Field, values: Values): number {
  const typed = input.value.trim().replace(",", ".");
  return typed === "" ? values[option.name] : Number(typed);
}
