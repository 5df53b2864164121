/** The picture with the views' crop boxes over it: it is brightest where the views that count most lie. */

import type { CropBox } from "../types.js";
import { coverage } from "./coverage.js";
import { html, svg } from "./dom.js";
import { english, type Strings } from "./strings.js";
import { drawPicture, type PictureSource, type ViewData } from "./view-data.js";

export interface CropOverlayData {
  readonly picture: PictureSource | null;
  readonly views: readonly Pick<ViewData, "box" | "weight">[];
  /** What the picture shows, for those who don't see it. Default: that it is the picture with its views. */
  readonly label?: string;
}

/** The picture is drawn no larger than this; the overlay is a drawing aid, not a viewer. */
const MAX_SIDE = 960;
/** Outlines of more boxes than this are drawn fainter, so that the picture stays visible. */
const LEGIBLE_BOXES = 48;
/** Longest side of the veil, which is smooth anyway. */
const VEIL_SIDE = 160;
/** Opacity of the veil where no view lies. */
const DARKEST = 0.78;

export class CropOverlay {
  readonly element: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #veil: HTMLCanvasElement;
  readonly #boxes: SVGSVGElement;
  readonly #onHighlight: (view: number | null) => void;
  readonly #strings: Strings;
  #data: CropOverlayData = { picture: null, views: [] };
  #highlighted: number | null = null;

  /** `onHighlight` is told which view's box the reader points at. */
  constructor(onHighlight: (view: number | null) => void, strings: Strings = english) {
    this.#onHighlight = onHighlight;
    this.#strings = strings;
    this.#canvas = html("canvas", { role: "img", "aria-label": strings.views.picture });
    this.#boxes = svg("svg", { class: "ct-overlay-boxes", "aria-hidden": "true", focusable: "false", preserveAspectRatio: "none" });
    this.#veil = html("canvas", { class: "ct-overlay-veil", "aria-hidden": "true" });
    const frame = html("div", { class: "ct-overlay-frame" }, this.#canvas, this.#veil, this.#boxes);
    this.element = html("div", { class: "ct-overlay", part: "overlay" }, frame);
    this.#boxes.addEventListener("pointermove", (event) => this.#point(event));
    this.#boxes.addEventListener("pointerleave", () => this.#onHighlight(null));
  }

  update(data: CropOverlayData): void {
    const newPicture = data.picture !== this.#data.picture;
    const newViews = data.views !== this.#data.views;
    this.#data = data;
    this.element.classList.toggle("ct-overlay-empty", data.picture === null);
    this.#canvas.setAttribute("aria-label", data.label ?? this.#strings.views.picture);
    if (newPicture && data.picture !== null) {
      drawPicture(this.#canvas, data.picture, MAX_SIDE);
      this.element.style.setProperty("--clip-picture-ratio", (data.picture.width / data.picture.height).toFixed(4));
    }
    if (data.picture !== null && (newPicture || newViews)) drawVeil(this.#veil, data.picture, data.views);
    this.#render();
  }

  /** Shows one view's box alone, or all of them. */
  highlight(view: number | null): void {
    if (view === this.#highlighted) return;
    this.#highlighted = view;
    this.#render();
  }

  #render(): void {
    const { picture, views } = this.#data;
    this.#boxes.replaceChildren();
    if (picture === null) return;
    this.#boxes.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`);
    const chosen = this.#highlighted === null ? undefined : views[this.#highlighted];
    this.#veil.classList.toggle("ct-overlay-unveiled", chosen !== undefined);
    if (chosen !== undefined) {
      const whole = { left: 0, top: 0, width: picture.width, height: picture.height };
      this.#boxes.append(svg("path", { class: "ct-overlay-shade", "fill-rule": "evenodd", d: outline(whole) + outline(chosen.box) }));
      this.#boxes.append(svg("path", { class: "ct-overlay-halo", d: outline(chosen.box) }));
      this.#boxes.append(svg("path", { class: "ct-overlay-chosen", d: outline(chosen.box) }));
      return;
    }
    const heaviest = Math.max(0, ...views.map((view) => view.weight ?? 0));
    const strength = Math.min(1, LEGIBLE_BOXES / views.length);
    for (const view of views) {
      const share = heaviest > 0 ? (view.weight ?? 0) / heaviest : 0;
      const path = svg("path", { class: "ct-overlay-box", d: outline(view.box) });
      path.style.strokeOpacity = (strength * (0.08 + 0.72 * share ** 3)).toFixed(3);
      this.#boxes.append(path);
    }
  }

  #point(event: PointerEvent): void {
    const { picture, views } = this.#data;
    const bounds = this.#boxes.getBoundingClientRect();
    if (picture === null || bounds.width === 0) return;
    const x = ((event.clientX - bounds.left) / bounds.width) * picture.width;
    const y = ((event.clientY - bounds.top) / bounds.height) * picture.height;
    let smallest: number | null = null;
    views.forEach((view, index) => {
      if (!holds(view.box, x, y)) return;
      const best = smallest === null ? undefined : views[smallest];
      if (best === undefined || area(view.box) < area(best.box)) smallest = index;
    });
    this.#onHighlight(smallest);
  }
}

/** Darkens the picture where views that count little, or none, lie. */
function drawVeil(canvas: HTMLCanvasElement, picture: PictureSource, views: CropOverlayData["views"]): void {
  const scale = VEIL_SIDE / Math.max(picture.width, picture.height);
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  if (context === null || views.length === 0) return;
  const pixels = context.createImageData(canvas.width, canvas.height);
  const shares = coverage(views, picture, canvas.width, canvas.height);
  shares.forEach((share, index) => {
    pixels.data[index * 4 + 3] = Math.round(255 * DARKEST * (1 - share) ** 1.2);
  });
  context.putImageData(pixels, 0, 0);
}

function outline({ left, top, width, height }: CropBox): string {
  return `M${left} ${top}h${width}v${height}h${-width}Z`;
}

function holds(box: CropBox, x: number, y: number): boolean {
  return x >= box.left && x <= box.left + box.width && y >= box.top && y <= box.top + box.height;
}

function area(box: CropBox): number {
  return box.width * box.height;
}
