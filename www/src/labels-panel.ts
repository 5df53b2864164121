/** The labels and the prompt: text fields, examples, and what is wrong with them. */

import { byId, onPress, ProblemLine } from "./page-dom.js";
import { DEFAULT_TEMPLATE, LABEL_PRESETS, TEMPLATE_PRESETS } from "./presets.js";
import { text } from "./strings.js";

export interface LabelsListener {
  labelsChanged(): void;
}

/** Labels and prompt that can be compared with a picture. */
export interface Question {
  readonly labels: readonly string[];
  readonly template: string;
}

const PLACE = "{}";

export class LabelsPanel {
  readonly #listener: LabelsListener;
  readonly #labels = byId("labels", HTMLTextAreaElement);
  readonly #labelsNote = byId("labels-note", HTMLElement);
  readonly #labelsProblem = new ProblemLine(byId("labels-problem", HTMLElement), this.#labels);
  readonly #template = byId("template", HTMLInputElement);
  readonly #templateNote = byId("template-note", HTMLElement);
  readonly #templateProblem = new ProblemLine(byId("template-problem", HTMLElement), this.#template);
  #isEdited = false;
  #pending: ReturnType<typeof setTimeout> | undefined;

  constructor(listener: LabelsListener) {
    this.#listener = listener;
    this.#template.value = DEFAULT_TEMPLATE;
    this.#write(LABEL_PRESETS[0]?.labels ?? []);
    this.#labels.addEventListener("input", () => {
      this.#isEdited = true;
      this.#checkSoon();
    });
    this.#template.addEventListener("input", () => this.#checkSoon());
    byId("label-presets", HTMLElement).append(
      ...LABEL_PRESETS.map((preset) =>
        presetButton(preset.name, () => {
          this.#isEdited = false;
          this.#write(preset.labels);
          this.#check();
        }),
      ),
    );
    byId("template-presets", HTMLElement).append(
      ...TEMPLATE_PRESETS.map(({ name, template }) =>
        presetButton(name, () => {
          this.#template.value = template;
          this.#check();
        }),
      ),
    );
    this.#describe();
  }

  /** The labels as written: one a line, blank lines and outer spaces left out. */
  get labels(): string[] {
    return linesOf(this.#labels.value).map((line) => line.label);
  }

  /** What to ask the model, or null where the labels or the prompt have a problem. */
  get question(): Question | null {
    const { labels, template } = this.#problems();
    return labels === "" && template === "" ? { labels: this.labels, template: this.#template.value } : null;
  }

  /** What to adapt to: {@link question} with two labels at least. Null where there is a problem, which is then shown, with the focus on it. */
  askForAdapting(): Question | null {
    this.#showProblems();
    const { question } = this;
    if (question !== null && question.labels.length >= 2) return question;
    if (question !== null) this.#labelsProblem.show(text.labels.tooFew);
    this.focusProblem();
    return null;
  }

  /** Labels that suit a sample; a list that the reader wrote stays. */
  suggest(labels: readonly string[]): void {
    if (this.#isEdited || labels.length === 0) return;
    this.#write(labels);
    this.#check();
  }

  /** Puts in what a link says: it stays like a list that the reader wrote. Null leaves what is there. */
  set(labels: readonly string[] | null, template: string | null): void {
    const isAnother = (labels !== null && labels.join("\n") !== this.labels.join("\n")) || (template !== null && template !== this.#template.value);
    if (labels !== null) {
      this.#isEdited = true;
      this.#write(labels);
    }
    if (template !== null) this.#template.value = template;
    // What was found for the same labels and prompt stays.
    if (isAnother) this.#check();
  }

  /** Counts the labels as suggested where they are what suits the sample that is shown: a link brings them with it, and nobody has written them. */
  linkedWith(labels: readonly string[]): void {
    if (labels.join("\n") === this.labels.join("\n")) this.#isEdited = false;
  }

  /** The prompt as written. */
  get template(): string {
    return this.#template.value;
  }

  showLabelsProblem(message: string): void {
    this.#labelsProblem.show(message);
  }

  showTemplateProblem(message: string): void {
    this.#templateProblem.show(message);
  }

  /** Puts the focus on the field that has a problem. */
  focusProblem(): void {
    (this.#labelsProblem.isShown ? this.#labels : this.#template).focus();
  }

  #write(labels: readonly string[]): void {
    this.#labels.value = labels.join("\n");
    this.#labels.scrollTop = 0;
  }

  /** Text that is inserted line by line makes an event for each line: a thousand labels are to be looked at once. */
  #checkSoon(): void {
    this.#pending ??= setTimeout(() => this.#check());
  }

  /** Looks at what was typed now, if it hasn't been looked at. */
  flush(): void {
    if (this.#pending !== undefined) this.#check();
  }

  #check(): void {
    clearTimeout(this.#pending);
    this.#pending = undefined;
    this.#describe();
    this.#showProblems();
    this.#listener.labelsChanged();
  }

  #describe(): void {
    const { labels } = this;
    this.#labelsNote.textContent = text.labels.count(labels.length);
    const template = this.#template.value;
    this.#templateNote.textContent = template.includes(PLACE) ? text.template.example(template.replaceAll(PLACE, () => labels[0] ?? "…")) : "";
  }

  #problems(): { readonly labels: string; readonly template: string } {
    return {
      labels: problemOf(this.#labels.value),
      template: this.#template.value.includes(PLACE) ? "" : text.template.missing,
    };
  }

  #showProblems(): void {
    const { labels, template } = this.#problems();
    this.#labelsProblem.show(labels);
    this.#templateProblem.show(template);
  }
}

interface LabelLine {
  readonly label: string;
  /** Line number from 1, blank lines counted. */
  readonly line: number;
}

function linesOf(value: string): LabelLine[] {
  return value
    .split(/\r?\n/)
    .map((entry, index) => ({ label: entry.trim(), line: index + 1 }))
    .filter((entry) => entry.label !== "");
}

function problemOf(value: string): string {
  const lines = linesOf(value);
  if (lines.length === 0) return text.labels.none;
  const seen = new Map<string, number[]>();
  for (const { label, line } of lines) seen.set(label, [...(seen.get(label) ?? []), line]);
  for (const [label, places] of seen) {
    if (places.length > 1) return text.labels.duplicate(label, places);
  }
  return "";
}

function presetButton(name: string, use: () => void): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "preset";
  button.textContent = name;
  onPress(button, use);
  return button;
}
