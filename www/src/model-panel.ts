/** The list of models to choose from, the format, a field for any other model, and files of the device. */

import type { CachedModel, CatalogueEntry } from "clip-ttl";
import { loadWords } from "./model-change-panel.js";
import { chooseEntry, chooseFiles, chooseNamed, FORMATS, hostOf, isAddress, isRepositoryName, isSameChoice, isStored, type Format, type ModelChoice } from "./model-choice.js";
import { byId, make, onPress, outwardLink, ProblemLine, setText } from "./page-dom.js";
import { formatMillions } from "./sizes.js";
import { text } from "./strings.js";

export interface ModelPanelListener {
  /** The list is seen for the first time, or again. */
  panelOpened(): void;
  /** To be loaded: its size stood on the button, or there is nothing to download. */
  modelChosen(choice: ModelChoice): void;
  /** Its size isn't known yet. */
  modelNamed(choice: ModelChoice): void;
}

/** What the list shows. */
export interface ModelPanelData {
  readonly catalogue: readonly CatalogueEntry[];
  readonly stored: readonly CachedModel[];
  readonly present: ModelChoice;
  readonly hub: string | null;
}

export class ModelPanel {
  readonly #listener: ModelPanelListener;
  readonly #details = byId("model", HTMLDetailsElement);
  readonly #summary = byId("model-summary", HTMLElement);
  readonly #list = byId("model-list", HTMLElement);
  readonly #listProblem = new ProblemLine(byId("model-list-problem", HTMLElement));
  readonly #format = byId("model-format", HTMLSelectElement);
  readonly #formatNote = byId("model-format-note", HTMLElement);
  readonly #host = byId("model-host", HTMLElement);
  readonly #name = byId("model-name", HTMLInputElement);
  readonly #nameProblem = new ProblemLine(byId("model-name-problem", HTMLElement), this.#name);
  #data: ModelPanelData | null = null;
  /** What the list was made of. */
  #listed = "";

  constructor(listener: ModelPanelListener) {
    this.#listener = listener;
    this.#format.append(...FORMATS.map((format) => make("option", { value: format }, text.model.formats[format].name)));
    this.#format.addEventListener("change", () => this.#showAll());
    this.#details.addEventListener("toggle", () => {
      if (this.#details.open) listener.panelOpened();
    });
    byId("model-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#takeName(this.#name.value.trim());
    });
    this.#name.addEventListener("input", () => this.#nameProblem.clear());
    this.#listenForFiles(byId("model-files", HTMLInputElement));
    this.#listenForFiles(byId("model-folder", HTMLInputElement));
    // Phones have no folders to choose.
    byId("model-folder-choice", HTMLElement).hidden = !("webkitdirectory" in HTMLInputElement.prototype);
    this.#describeFormat();
  }

  get format(): Format {
    return FORMATS.find((format) => format === this.#format.value) ?? "recommended";
  }

  set format(format: Format) {
    this.#format.value = format;
    this.#showAll();
  }

  /** Opens the list, and puts the focus on it. */
  open(): void {
    this.#details.open = true;
    this.#summary.focus();
    this.#details.scrollIntoView({ block: "start" });
  }

  close(): void {
    this.#details.open = false;
  }

  show(data: ModelPanelData): void {
    this.#data = data;
    this.#listProblem.clear();
    this.#showAll();
  }

  showProblem(message: string): void {
    this.#listProblem.show(message);
  }

  #showAll(): void {
    this.#describeFormat();
    const data = this.#data;
    if (data === null) return;
    this.#fillList(data);
    const [sample] = data.catalogue.filter(({ id }) => id !== "pocket");
    if (sample !== undefined) setText(this.#host, hostOf(chooseEntry(sample, this.format, data.hub)));
  }

  /** Leaves the rows alone where nothing has changed: a button that is replaced while it is being pressed does nothing. */
  #fillList(data: ModelPanelData): void {
    const rows = data.catalogue.map((entry, index) => row(entry, chooseEntry(entry, this.format, data.hub), data, `model-load-${index}`, this.#listener));
    // Two formats may read the same and mean something else.
    const listed = `${this.format} ${rows.map(({ outerHTML }) => outerHTML).join("")}`;
    if (listed === this.#listed) return;
    this.#listed = listed;
    const focused = this.#list.contains(document.activeElement) ? document.activeElement?.id : undefined;
    this.#list.replaceChildren(...rows);
    if (focused !== undefined && focused !== "") document.getElementById(focused)?.focus();
  }

  #describeFormat(): void {
    setText(this.#formatNote, text.model.formats[this.format].explanation);
  }

  #takeName(name: string): void {
    if (name === "") this.#nameProblem.show(text.model.name.missing);
    else if (name !== "pocket" && !isRepositoryName(name) && !isAddress(name)) this.#nameProblem.show(text.model.name.invalid);
    else this.#nameProblem.clear();
    if (this.#nameProblem.isShown) {
      this.#name.focus();
      return;
    }
    const data = this.#data;
    this.#listener.modelNamed(chooseNamed(name, this.format, data?.hub ?? null, data?.catalogue ?? []));
  }

  #listenForFiles(input: HTMLInputElement): void {
    input.addEventListener("change", () => {
      const files = [...(input.files ?? [])];
      // Emptied, so that choosing the same files again counts as a change.
      input.value = "";
      if (files.length > 0) this.#listener.modelChosen(chooseFiles(files, this.format));
    });
  }
}

/** An entry of the catalogue, with what it takes in the chosen format. */
function row(entry: CatalogueEntry, choice: ModelChoice, data: ModelPanelData, buttonId: string, listener: ModelPanelListener): HTMLElement {
  const words = text.model.entry;
  const stored = isStored(choice, data.stored);
  const isPresent = isSameChoice(choice, data.present);
  const pageLink = choice.kind === "pocket" ? make("a", { href: choice.page ?? entry.page }, words.card) : outwardLink(entry.page, words.page, words.pageOf(entry.title));
  const facts = make(
    "div",
    {},
    make("h4", {}, entry.title),
    make("p", { class: "note" }, words.facts(formatMillions(entry.parameters), entry.imageSize, entry.patchSize)),
    make("p", { class: "note" }, choice.sizes === null ? "" : words.sizes(choice.sizes)),
    make("p", { class: "note" }, words.licence(entry.licence), " ", pageLink),
  );
  const marks = [...(isPresent ? [words.present] : []), ...(stored ? [words.stored] : [])];
  const act = make("div", { class: "model-act" }, ...marks.map((mark) => make("p", { class: "mark" }, mark)));
  if (!isPresent) {
    // People who hear one button by itself want to know which model it loads.
    const label = make("span", {}, loadWords(choice, stored), make("span", { class: "unseen" }, ` (${entry.title})`));
    const button = make("button", { type: "button", class: "button", id: buttonId }, label);
    onPress(button, () => listener.modelChosen(choice));
    act.append(button);
  }
  return make("li", { class: "model-entry" }, facts, act);
}
