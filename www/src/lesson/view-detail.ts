/** One view, large: the crop as the model gets it, what it is taken for, how sure that is and how much it counts. */

import type { ViewsState } from "clip-ttl";
import { drawCrop, formatNats, formatPercent } from "clip-ttl/element";
import { make, setText } from "../page-dom.js";
import type { FigureData } from "./figure.js";
import { placeOf, shareOf } from "./place.js";
import { words } from "./words.js";

/** Pixels of the crop's side; the page shows it smaller on dense screens. */
const SIDE = 192;

export class ViewDetail {
  readonly element: HTMLElement;
  readonly #canvas = make("canvas", { width: String(SIDE), height: String(SIDE), "aria-hidden": "true" });
  readonly #title = make("h3", {});
  readonly #taken = make("strong", { dir: "auto" });
  readonly #share = make("span", { class: "detail-share" });
  readonly #fill = make("span", { class: "detail-fill" });
  readonly #facts = make("p", { class: "note" });
  #data: FigureData | null = null;
  /** The one that the reader points at; else the centre crop. */
  #view: number | null = null;

  constructor() {
    this.element = make(
      "div",
      { class: "detail" },
      this.#canvas,
      make(
        "div",
        { class: "detail-words" },
        this.#title,
        make("p", { class: "detail-answer" }, this.#taken, " ", this.#share),
        make("span", { class: "detail-track", "aria-hidden": "true" }, this.#fill),
        this.#facts,
      ),
    );
  }

  update(data: FigureData): void {
    this.#data = data;
    this.show(this.#view);
  }

  show(view: number | null): void {
    this.#view = view;
    const data = this.#data;
    const at = view ?? 0;
    const box = data?.boxes[at];
    this.element.classList.toggle("detail-empty", box === undefined);
    if (data === null || box === undefined) return;
    const { views, labels, picture } = data;
    setText(this.#title, at === 0 ? words.views.centre : words.views.title(at, data.boxes.length));
    setText(this.#taken, views === null ? "" : (labels[views.viewLabels[at] ?? -1] ?? ""));
    const probability = views?.viewProbabilities[at] ?? null;
    setText(this.#share, probability === null ? "" : formatPercent(probability));
    this.#fill.style.inlineSize = `${((probability ?? 0) * 100).toFixed(1)}%`;
    const place = picture === null || at === 0 ? "" : words.places.crop(placeOf(box.box, picture), formatPercent(shareOf(box.box, picture)));
    const measured = views === null ? words.views.notMeasured : words.views.facts(formatNats(views.viewEntropies[at], 2), weightInWords(views, at));
    setText(this.#facts, [measured, place, box.flip ? words.views.mirrored : ""].filter((part) => part !== "").join("; "));
    this.#draw(data, at);
  }

  #draw({ picture, boxes }: FigureData, view: number): void {
    const context = this.#canvas.getContext("2d");
    const entry = boxes[view];
    if (context === null || entry === undefined) return;
    context.clearRect(0, 0, SIDE, SIDE);
    if (picture === null) return;
    drawCrop(this.#canvas, picture, entry);
  }
}

/** A view's weight beside the mean of all: `1.40, 3.1 times the mean`. */
function weightInWords(views: ViewsState, view: number): string {
  const weight = views.viewWeights[view] ?? 0;
  const mean = views.viewWeights.reduce((sum, value) => sum + value, 0) / Math.max(1, views.viewWeights.length);
  return words.views.weight(formatNats(weight, 2), formatNats(mean > 0 ? weight / mean : 0, 1));
}
