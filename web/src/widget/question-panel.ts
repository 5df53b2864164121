/** The labels and the prompt, and what is wrong with them. */

import { html, setText, uniqueId } from "../element/dom.js";
import { labelLines } from "./attributes.js";
import { shorten } from "./answer.js";
import type { ElementStrings } from "./strings.js";

/** Rows of the labels' field: as many as there are labels, within limits. */
const FEWEST_ROWS = 3;
const MOST_ROWS = 10;

export class QuestionPanel {
  readonly labelsElement: HTMLElement;
  readonly templateElement: HTMLElement;
  readonly #strings: ElementStrings;
  readonly #labels: HTMLTextAreaElement;
  readonly #labelsProblem: HTMLElement;
  readonly #template: HTMLInputElement;
  readonly #templateProblem: HTMLElement;

  /** `onEdit` is called whenever somebody has typed something. */
  constructor(strings: ElementStrings, onEdit: () => void) {
    this.#strings = strings;
    const { labels, template } = strings.widget;
    const [labelsId, noteId, labelsProblemId] = [uniqueId("ct-labels"), uniqueId("ct-note"), uniqueId("ct-problem")];
    const [templateId, templateProblemId] = [uniqueId("ct-template"), uniqueId("ct-problem")];
    this.#labels = html("textarea", {
      id: labelsId,
      class: "w-field",
      part: "field labels-field",
      rows: FEWEST_ROWS,
      spellcheck: "false",
      dir: "auto",
      "aria-describedby": `${noteId} ${labelsProblemId}`,
    });
    this.#labelsProblem = html("p", { class: "w-problem", id: labelsProblemId, hidden: true });
    this.#template = html("input", {
      id: templateId,
      class: "w-field",
      part: "field template-field",
      type: "text",
      autocomplete: "off",
      spellcheck: "false",
      dir: "auto",
      "aria-describedby": templateProblemId,
    });
    this.#templateProblem = html("p", { class: "w-problem", id: templateProblemId, hidden: true });
    const head = html(
      "div",
      { class: "w-field-head" },
      html("label", { for: labelsId, class: "w-label" }, labels.title),
      html("span", { class: "w-note ct-soft", id: noteId }, labels.note),
    );
    this.labelsElement = html("div", { class: "w-labels", part: "labels" }, head, this.#labels, this.#labelsProblem);
    const templateHead = html("div", { class: "w-field-head" }, html("label", { for: templateId, class: "w-label" }, template.title));
    this.templateElement = html("div", { class: "w-template", part: "template" }, templateHead, this.#template, this.#templateProblem);
    for (const field of [this.#labels, this.#template]) field.addEventListener("input", onEdit);
  }

  get labels(): string[] {
    return labelLines(this.#labels.value);
  }

  get template(): string {
    return this.#template.value;
  }

  set(labels: readonly string[], template: string): void {
    if (labelLines(this.#labels.value).join("\n") !== labels.join("\n")) {
      this.#labels.value = labels.join("\n");
      this.#labels.rows = Math.min(MOST_ROWS, Math.max(FEWEST_ROWS, labels.length));
    }
    if (this.#template.value !== template) this.#template.value = template;
    this.showProblems();
  }

  /** Says what is wrong with what is written; an empty list of labels is no problem until somebody wants an answer. */
  showProblems(): void {
    const { labels, template } = this;
    const twice = labels.find((label, index) => labels.indexOf(label) !== index);
    const text = this.#strings.widget;
    show(this.#labelsProblem, this.#labels, twice === undefined ? "" : text.labels.duplicate(shorten(twice)));
    show(this.#templateProblem, this.#template, template.includes("{}") ? "" : text.template.missing);
  }

  showLabelsProblem(message: string): void {
    show(this.#labelsProblem, this.#labels, message);
  }

  showTemplateProblem(message: string): void {
    show(this.#templateProblem, this.#template, message);
  }

  /** Puts the focus where something is wrong. */
  focus(): void {
    (this.#labelsProblem.hidden && !this.#templateProblem.hidden ? this.#template : this.#labels).focus();
  }
}

function show(problem: HTMLElement, field: HTMLElement, message: string): void {
  problem.hidden = message === "";
  setText(problem, message);
  if (message === "") field.removeAttribute("aria-invalid");
  else field.setAttribute("aria-invalid", "true");
}
