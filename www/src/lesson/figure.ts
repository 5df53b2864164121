/** The picture with every crop over it, three of them marked, and the strip of views below: what they are taken for at one moment. */

import type { ViewBox, ViewsState } from "clip-ttl";
import { CropOverlay, formatPercent, ViewStrip, type PictureSource } from "clip-ttl/element";
import { byId } from "../page-dom.js";
import { Callouts } from "./callouts.js";
import { order } from "./run-states.js";
import { ViewDetail } from "./view-detail.js";
import { words } from "./words.js";

export interface FigureData {
  readonly picture: PictureSource | null;
  readonly labels: readonly string[];
  /** The same list as long as the run is the same: thumbnails are drawn anew for another one. */
  readonly boxes: readonly ViewBox[];
  /** The views at the shown state; null where they weren't measured. */
  readonly views: ViewsState | null;
}

export class Figure {
  readonly #overlay: CropOverlay;
  readonly #strip: ViewStrip;
  readonly #callouts = new Callouts();
  readonly #detail = new ViewDetail();
  #data: FigureData = { picture: null, labels: [], boxes: [], views: null };

  constructor() {
    this.#overlay = new CropOverlay((view) => this.#strip.highlight(view));
    this.#strip = new ViewStrip((view) => this.#point(view));
    byId("overlay", HTMLElement).append(this.#overlay.element);
    // The frame is as large as the picture in it.
    (this.#overlay.element.firstElementChild ?? this.#overlay.element).append(this.#callouts.element);
    byId("strip", HTMLElement).append(this.#strip.element);
    byId("view-detail", HTMLElement).append(this.#detail.element);
  }

  show(data: FigureData): void {
    this.#data = data;
    const { picture, boxes, views } = data;
    this.#overlay.update({ picture, views: boxes.map(({ box }, view) => ({ box, weight: views?.viewWeights[view] ?? null })) });
    this.#strip.update({
      picture,
      encoded: boxes.length,
      views: boxes.map(({ box, flip }, view) => ({
        box,
        flip,
        entropyBefore: views?.viewEntropies[view] ?? null,
        entropyAfter: null,
        weight: views?.viewWeights[view] ?? null,
        note: this.#prediction(view),
      })),
    });
    const byEntropy = views === null ? [] : order(views.viewEntropies);
    this.#callouts.show(picture, {
      1: boxes[byEntropy.at(-1) ?? -1]?.box ?? null,
      2: byEntropy.length > 1 ? (boxes[byEntropy[0] ?? -1]?.box ?? null) : null,
      3: boxes[0]?.box ?? null,
    });
    this.#detail.update(data);
  }

  /** Shows one view alone, or all of them again. */
  point(view: number | null): void {
    this.#strip.highlight(view);
  }

  #point(view: number | null): void {
    this.#overlay.highlight(view);
    this.#callouts.element.classList.toggle("callouts-away", view !== null);
    this.#detail.show(view);
  }

  #prediction(view: number): string | undefined {
    const { views, labels } = this.#data;
    if (views === null) return undefined;
    return words.views.takenFor(labels[views.viewLabels[view] ?? -1] ?? "", formatPercent(views.viewProbabilities[view] ?? 0));
  }
}
