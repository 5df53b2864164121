/** Fields for options, made from their descriptions. */

import type { MethodOptions, OptionDescription, OptionValue } from "clip-ttl";
import { make, setText } from "../page-dom.js";
import { formatOption, isDefault, isTextList, parseOption } from "./option-values.js";
import { words } from "./words.js";

/** One option on the page. */
interface Field {
  readonly option: OptionDescription;
  readonly element: HTMLElement;
  /** Where the focus goes if the value is wrong. */
  readonly input: HTMLElement;
  read(): string;
  write(text: string): void;
}

export class OptionFields {
  readonly element: HTMLElement;
  readonly #fields: readonly { readonly field: Field; readonly problem: HTMLElement }[];
  readonly #onChange: () => void;

  /** `prefix` makes the fields' ids the page's only ones. */
  constructor(prefix: string, options: readonly OptionDescription[], onChange: () => void) {
    this.#onChange = onChange;
    this.#fields = options.map((option) => {
      const problem = make("p", { class: "problem", id: `${prefix}-${option.name}-problem`, hidden: "" });
      return { field: makeField(`${prefix}-${option.name}`, option, problem), problem };
    });
    this.element = make("div", { class: "option-fields" }, ...this.#fields.map(({ field }) => field.element));
    this.element.addEventListener("input", () => this.#changed());
    this.set({});
  }

  /** What differs from the defaults; wrong values don't count. */
  get changed(): MethodOptions {
    const entries = this.#fields.flatMap(({ field }): [string, OptionValue][] => {
      const value = parseOption(field.option, field.read());
      return value === null || isDefault(field.option, value) ? [] : [[field.option.name, value]];
    });
    return Object.fromEntries(entries);
  }

  /** Where the first wrong value is, or null. */
  get firstInvalid(): HTMLElement | null {
    return this.#fields.find(({ field }) => parseOption(field.option, field.read()) === null)?.field.input ?? null;
  }

  /** Puts values in; what isn't among them gets its default. */
  set(values: MethodOptions): void {
    for (const { field } of this.#fields) field.write(formatOption(field.option, values[field.option.name] ?? field.option.default));
    this.#showProblems();
  }

  #changed(): void {
    this.#showProblems();
    this.#onChange();
  }

  #showProblems(): void {
    for (const { field, problem } of this.#fields) {
      const value = parseOption(field.option, field.read());
      setText(problem, value === null ? words.option.wrong(field.option) : "");
      problem.hidden = value !== null;
      if (value === null) field.input.setAttribute("aria-invalid", "true");
      else field.input.removeAttribute("aria-invalid");
      field.element.classList.toggle("option-changed", value !== null && !isDefault(field.option, value));
    }
  }
}

function makeField(id: string, option: OptionDescription, problem: HTMLElement): Field {
  const note = make("p", { class: "note", id: `${id}-note` }, notesOf(option));
  const described = { "aria-describedby": `${note.id} ${problem.id}` };
  if (option.kind === "list" && option.choices.length > 0) return makeChecks(id, option, note, problem);
  if (option.kind === "flag") {
    const input = make("input", { type: "checkbox", id, ...described });
    const element = make("div", { class: "option" }, make("label", { class: "option-check" }, input, option.title), note, problem);
    return { option, element, input, read: () => String(input.checked), write: (text) => void (input.checked = text === "true") };
  }
  const input = makeInput(id, option, described);
  const element = make("div", { class: "option" }, make("label", { for: id }, option.title), input, note, problem);
  return { option, element, input, read: () => input.value, write: (text) => void (input.value = text) };
}

function makeInput(id: string, option: OptionDescription, described: Readonly<Record<string, string>>): HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement {
  if (option.kind === "choice") return make("select", { id, ...described }, ...option.choices.map((choice) => make("option", { value: choice }, choice)));
  if (isTextList(option)) return make("textarea", { id, rows: "2", dir: "auto", spellcheck: "false", ...described });
  // Text fields: number fields lose what was typed where it isn't a number, and change under the scroll wheel.
  const inputmode = option.kind === "integer" ? "numeric" : "decimal";
  return make("input", { type: "text", id, inputmode, autocomplete: "off", spellcheck: "false", ...described });
}

/** A list of choices: a box for each. */
function makeChecks(id: string, option: OptionDescription, note: HTMLElement, problem: HTMLElement): Field {
  const boxes = option.choices.map((choice) => make("input", { type: "checkbox", value: choice }));
  const labels = boxes.map((box) => make("label", { class: "option-check" }, box, box.value));
  const element = make(
    "div",
    { class: "option", role: "group", "aria-labelledby": `${id}-name`, "aria-describedby": `${note.id} ${problem.id}` },
    make("span", { id: `${id}-name`, class: "option-name" }, option.title),
    make("div", { class: "option-checks" }, ...labels),
    note,
    problem,
  );
  return {
    option,
    element,
    input: boxes[0] ?? element,
    read: () => boxes.filter(({ checked }) => checked).map(({ value }) => value).join(", "),
    write: (text) => {
      const chosen = text.split(", ");
      for (const box of boxes) box.checked = chosen.includes(box.value);
    },
  };
}

function notesOf(option: OptionDescription): string {
  const paper = option.paperDefault === null ? "" : words.option.paper(formatOption(option, option.paperDefault));
  const range = isTextList(option) ? words.option.lines : words.option.range(option.min, option.max);
  return [option.description, range, paper].filter((part) => part !== "").join(" ");
}
