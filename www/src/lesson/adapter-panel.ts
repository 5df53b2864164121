/** An adapter from outside: two files of PEFT's are chosen, and the picture is answered through them. */

import type { AdapterFiles } from "clip-ttl";
import { Bars, formatPercent } from "clip-ttl/element";
import { byId, make, onPress, ProblemLine } from "../page-dom.js";
import { order } from "./run-states.js";
import { words } from "./words.js";

/** Far more than a LoRA of the largest CLIP has. */
const MAX_BYTES = 512 * 1024 * 1024;
const MAX_CONFIG_BYTES = 1024 * 1024;

export interface AdapterListener {
  /** Two files were chosen, or dropped. */
  adapterChosen(files: AdapterFiles): void;
  /** The answer through them is shown, which `sentence` says. */
  answered(sentence: string): void;
}

export class AdapterPanel {
  readonly #input = byId("adapter-files", HTMLInputElement);
  readonly #remove = byId("adapter-remove", HTMLButtonElement);
  readonly #problem = new ProblemLine(byId("adapter-problem", HTMLElement), this.#input);
  readonly #answer = byId("adapter-answer", HTMLElement);
  readonly #place = byId("adapter-bars", HTMLElement);
  readonly #bars = new Bars();
  readonly #listener: AdapterListener;

  constructor(listener: AdapterListener) {
    this.#listener = listener;
    this.#place.append(this.#bars.element);
    this.#input.addEventListener("change", () => {
      const files = [...(this.#input.files ?? [])];
      // Emptied, so that choosing the same files again counts as a change.
      this.#input.value = "";
      if (files.length > 0) void this.#take(files);
    });
    onPress(this.#remove, () => {
      this.clear();
      this.#input.focus();
    });
  }

  /** The answer with the adapter in place, beside the one without; both in the order of the labels. */
  show(labels: readonly string[], before: readonly number[], after: readonly number[]): void {
    const top = order(after)[0] ?? 0;
    this.#bars.update({ labels, before, after });
    this.#answer.replaceChildren(words.adapter.answer, make("strong", { dir: "auto" }, labels[top] ?? ""), ` (${formatPercent(after[top] ?? 0)})`);
    this.#setShown(true);
    this.#listener.answered(this.#answer.textContent ?? "");
  }

  /** Takes files that were dropped anywhere on the page, and shows where what comes of them is said. */
  takeDropped(files: readonly File[]): void {
    byId("adapter-title", HTMLElement).scrollIntoView();
    void this.#take(files);
  }

  showProblem(message: string): void {
    this.#setShown(false);
    this.#problem.show(message);
  }

  clear(): void {
    this.#setShown(false);
    this.#problem.clear();
  }

  #setShown(isShown: boolean): void {
    for (const element of [this.#remove, this.#answer, this.#place]) element.hidden = !isShown;
  }

  async #take(files: readonly File[]): Promise<void> {
    this.#problem.clear();
    const weights = files.find(({ name }) => /\.safetensors$/i.test(name));
    const config = files.find(({ name }) => /\.json$/i.test(name));
    if (files.length !== 2 || weights === undefined || config === undefined) {
      this.showProblem(words.adapter.twoFiles);
      return;
    }
    if (weights.size > MAX_BYTES || config.size > MAX_CONFIG_BYTES) {
      this.showProblem(words.adapter.tooLarge);
      return;
    }
    try {
      const [bytes, text] = await Promise.all([weights.arrayBuffer(), config.text()]);
      this.#listener.adapterChosen({ weights: new Uint8Array(bytes), config: text });
    } catch {
      this.showProblem(words.adapter.unreadable);
    }
  }
}
