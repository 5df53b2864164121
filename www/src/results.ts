/** The results: the sentence, the bars, the plot and the views, fed from one description of what is known. */

import type { EpisodeReport, StepReport, ViewBox, Warning } from "clip-ttl";
import {
  Bars,
  CropOverlay,
  emptyFrames,
  EntropyPlot,
  entropySeries,
  formatPercent,
  knownViews,
  ViewStrip,
  type PictureSource,
  type ViewData,
} from "clip-ttl/element";
import { byId } from "./page-dom.js";
import { shorten, text } from "./strings.js";

/** Everything that is known about the present picture and labels. */
export interface Known {
  readonly labels: readonly string[];
  readonly picture: PictureSource | null;
  /** Zero-shot probabilities in label order. */
  readonly before: readonly number[] | null;
  readonly beforeEntropy: number | null;
  /** Updates that the present or next run makes. */
  readonly plannedSteps: number;
  readonly steps: readonly StepReport[];
  readonly report: EpisodeReport | null;
  /** What went differently from what was asked. */
  readonly warnings: readonly Warning[];
  readonly viewCount: number;
  /** Where the views lie: known as soon as a run begins. */
  readonly boxes: readonly ViewBox[] | null;
  readonly viewsEncoded: number;
}

export class Results {
  readonly #bars = new Bars();
  readonly #plot = new EntropyPlot();
  readonly #strip: ViewStrip;
  readonly #overlay: CropOverlay;
  readonly #sentence = byId("sentence", HTMLElement);
  readonly #warnings = byId("warnings", HTMLElement);
  readonly #former = byId("former", HTMLElement);
  #hasAnswer = false;

  constructor() {
    this.#overlay = new CropOverlay((view) => this.#strip.highlight(view));
    this.#strip = new ViewStrip((view) => this.#overlay.highlight(view));
    byId("bars", HTMLElement).append(this.#bars.element);
    byId("plot", HTMLElement).append(this.#plot.element);
    byId("strip", HTMLElement).append(this.#strip.element);
    byId("overlay", HTMLElement).append(this.#overlay.element);
  }

  /** A finished episode's answer as plain text. */
  sentenceOf(report: EpisodeReport): string {
    const before = report.before.map((entry) => entry.probability);
    const after = report.steps.at(-1)?.prediction ?? null;
    const parts = sentence(report.labels, before, after, report.steps.length);
    return parts.map((part) => (typeof part === "string" ? part : part.textContent)).join("");
  }

  /** Leaves the present answer as a note when another model is to give the next ones. */
  keepAsFormer(model: string): void {
    if (!this.#hasAnswer) return;
    this.#former.textContent = text.sentence.former(model, this.#sentence.textContent ?? "");
    this.#former.hidden = false;
  }

  /** Takes the note away: the question isn't the same any more. */
  forgetFormer(): void {
    this.#former.hidden = true;
  }

  show(known: Known): void {
    const { steps, report } = known;
    const after = steps.at(-1)?.prediction ?? null;
    this.#bars.update({ labels: known.labels, before: known.before, after });
    this.#plot.update({
      series: entropySeries({
        beforeEntropy: known.beforeEntropy,
        steps,
        finalState: report?.finalState ?? null,
        plannedSteps: known.plannedSteps,
      }),
      labelCount: known.labels.length,
    });
    this.#hasAnswer = known.before !== null;
    const views = knownViews(known);
    this.#strip.update({ picture: known.picture, views: views ?? emptyFrames(known.viewCount), encoded: known.viewsEncoded });
    this.#overlay.update({ picture: known.picture, views: views ?? NO_VIEWS });
    this.#sentence.replaceChildren(...sentence(known.labels, known.before, after, steps.length));
    this.#warnings.hidden = known.warnings.length === 0;
    this.#warnings.replaceChildren(...known.warnings.map((warning) => element("li", warning.message)));
  }
}

const NO_VIEWS: readonly ViewData[] = [];

/** The answer in words, as nodes: labels only ever become text. */
function sentence(labels: readonly string[], before: readonly number[] | null, after: readonly number[] | null, updates: number): (Node | string)[] {
  const words = text.sentence;
  const first = before === null ? null : best(labels, before);
  const second = after === null ? null : best(labels, after);
  if (first === null) return [words.empty];
  const pattern = second === null ? words.before : second.label === first.label ? words.stays : words.changes;
  return fill(pattern, {
    first: strong(first.label),
    before: formatPercent(first.probability),
    second: strong(second?.label ?? ""),
    after: formatPercent(second?.probability ?? 0),
    updates: words.updates(updates),
  });
}

/** A sentence with `{name}` replaced by nodes and texts. */
function fill(pattern: string, values: Readonly<Record<string, Node | string>>): (Node | string)[] {
  return pattern.split(/\{(\w+)\}/).map((part, index) => (index % 2 === 0 ? part : (values[part] ?? "")));
}

/** The likeliest label; of equal ones the first. */
export function best(labels: readonly string[], probabilities: readonly number[]): { label: string; probability: number } | null {
  let top = -1;
  probabilities.forEach((probability, index) => {
    if (top < 0 || probability > (probabilities[top] ?? 0)) top = index;
  });
  const label = labels[top];
  return label === undefined ? null : { label, probability: probabilities[top] ?? 0 };
}

function element(tag: "li" | "strong", words: string): HTMLElement {
  const node = document.createElement(tag);
  node.textContent = words;
  return node;
}

/** A label in a sentence: bold, and in its own writing direction. */
function strong(label: string): HTMLElement {
  const node = element("strong", shorten(label));
  node.dir = "auto";
  return node;
}
