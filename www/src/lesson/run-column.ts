/** One run at one state: its answer, the bars, the curves with a cursor, the adapters' norms, and what can be taken away of it. */

import { Bars, EntropyPlot, entropySeries, formatPercent } from "clip-ttl/element";
import { make, onPress, setEnabled, setText } from "../page-dom.js";
import type { LessonRun } from "./lesson-run.js";
import { NormsTable } from "./norms-table.js";
import { order, stateAt } from "./run-states.js";
import { words } from "./words.js";

/** What the reader can take away of a run. */
export type Export = "plot" | "episode" | "adapter-weights" | "adapter-config";

const EXPORTS: readonly Export[] = ["plot", "episode", "adapter-weights", "adapter-config"];

export class RunColumn {
  readonly #element: HTMLElement;
  readonly #title: HTMLElement;
  readonly #settings = make("p", { class: "note run-settings" });
  readonly #sentence = make("p", { class: "sentence" });
  readonly #bars = new Bars();
  readonly #plot = new EntropyPlot();
  readonly #norms = new NormsTable();
  readonly #buttons = new Map<Export, HTMLButtonElement>();
  readonly #exportNote = make("p", { class: "note export-note" });

  /** `onExport` is told what the reader wants to take away. */
  constructor(element: HTMLElement, onExport: (what: Export) => void) {
    this.#element = element;
    this.#title = make("h3", { id: `${element.id}-title`, class: "run-title" });
    const exports = make("div", { class: "sources exports", role: "group", "aria-label": words.exports.group });
    for (const what of EXPORTS) {
      const button = make("button", { type: "button", class: "button" }, words.exports.buttons[what]);
      onPress(button, () => onExport(what));
      this.#buttons.set(what, button);
      exports.append(button);
    }
    element.append(
      make("div", { class: "run-head" }, this.#title, this.#settings),
      make("div", { class: "run-answer" }, this.#sentence, make("div", { class: "bars" }, this.#bars.element)),
      make("div", { class: "run-plot" }, make("h4", {}, words.run.plot), make("div", { class: "plot" }, this.#plot.element)),
      make("div", { class: "run-norms" }, make("h4", {}, words.run.norms), this.#norms.element),
      make("div", { class: "run-exports" }, make("h4", {}, words.exports.title), exports, this.#exportNote),
    );
  }

  get drawing(): SVGSVGElement | null {
    return this.#plot.element.querySelector<SVGSVGElement>(".ct-plot-graphic");
  }

  /** Shows a state. `largest`, in nats, is what the axis of both columns must hold. */
  show(run: LessonRun, { title, settings, position, largest }: { title: string; settings: string; position: number; largest: number }): void {
    const { report, states } = run;
    const state = stateAt(states, position);
    const { labels } = report;
    const before = stateAt(states, 0).prediction;
    setText(this.#title, title);
    setText(this.#settings, settings);
    this.#sentence.replaceChildren(...this.#answer(run, position));
    this.#bars.update({ labels, before, after: state.updates === 0 ? null : state.prediction });
    const { beforeEntropy, steps, finalState } = report;
    this.#plot.update({
      series: entropySeries({ beforeEntropy, steps, finalState, plannedSteps: steps.length }),
      labelCount: labels.length,
      cursor: state.updates,
      largest,
    });
    const norms = states.flatMap((entry) => entry.norms.map(({ norm }) => norm));
    this.#norms.show(state.norms, Math.max(0, ...norms));
    const hasAdapter = run.adapter !== null;
    for (const what of ["adapter-weights", "adapter-config"] as const) {
      const button = this.#buttons.get(what);
      if (button !== undefined) setEnabled(button, hasAdapter);
    }
    setText(this.#exportNote, hasAdapter ? words.exports.adapterNote : words.exports.noAdapter);
    this.#element.hidden = false;
  }

  hide(): void {
    this.#element.hidden = true;
  }

  #answer({ report, states }: LessonRun, position: number): (Node | string)[] {
    const state = stateAt(states, position);
    const top = order(state.prediction)[0] ?? 0;
    const label = make("strong", { dir: "auto" }, report.labels[top] ?? "");
    const share = formatPercent(state.prediction[top] ?? 0);
    const hasEnded = position > states.length - 1;
    return [words.run.at(state.updates), label, ` (${share})`, hasEnded ? words.run.ended(states.length - 1) : ""];
  }
}

