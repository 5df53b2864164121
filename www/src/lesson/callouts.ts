/** Three numbered marks over the picture, which the text points at. They differ by number and by stroke, not by colour alone. */

import type { CropBox } from "clip-ttl";
import type { PictureSource } from "clip-ttl/element";
import { make } from "../page-dom.js";
import type { Callout } from "./sentence.js";

/** In the order in which they find their place; the first ones are drawn last, over the others. */
const NUMBERS: readonly Callout[] = [1, 2, 3];
/** A mark closer than this to another one, as a share of the picture's side, would hide it. */
const NEAR = 0.09;
const SVG = "http://www.w3.org/2000/svg";

export class Callouts {
  /** Lies over the picture's frame. What it shows the text says too. */
  readonly element = make("div", { class: "callouts", "aria-hidden": "true" });
  readonly #drawing = document.createElementNS(SVG, "svg");
  readonly #marks = new Map<Callout, { readonly halo: SVGPathElement; readonly box: SVGPathElement; readonly pin: HTMLElement }>();

  constructor() {
    this.#drawing.setAttribute("preserveAspectRatio", "none");
    const pins: HTMLElement[] = [];
    for (const number of [...NUMBERS].reverse()) {
      const [halo, box] = [document.createElementNS(SVG, "path"), document.createElementNS(SVG, "path")];
      halo.setAttribute("class", "callout-halo");
      box.setAttribute("class", `callout-box callout-box-${number}`);
      const pin = make("span", { class: "callout" }, String(number));
      this.#drawing.append(halo, box);
      pins.push(pin);
      this.#marks.set(number, { halo, box, pin });
    }
    this.element.append(this.#drawing, ...pins);
  }

  /** Puts each mark on its box; null takes it away. Marks move as drawings do, so that nothing of the page's layout moves with them. */
  show(picture: PictureSource | null, boxes: Readonly<Record<Callout, CropBox | null>>): void {
    if (picture !== null) this.#drawing.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`);
    const taken: { readonly left: number; readonly top: number }[] = [];
    for (const number of NUMBERS) {
      const mark = this.#marks.get(number);
      const box = picture === null ? null : boxes[number];
      if (mark === undefined) continue;
      mark.pin.hidden = box === null;
      for (const path of [mark.halo, mark.box]) path.setAttribute("d", box === null ? "" : `M${box.left} ${box.top}h${box.width}v${box.height}h${-box.width}Z`);
      if (box === null || picture === null) continue;
      let at = { left: box.left / picture.width, top: box.top / picture.height };
      // Boxes that begin at the same corner have their marks side by side.
      while (taken.some((other) => Math.abs(other.left - at.left) < NEAR && Math.abs(other.top - at.top) < NEAR)) at = { left: at.left + NEAR, top: at.top };
      taken.push(at);
      mark.pin.style.setProperty("--across", Math.min(0.94, at.left).toFixed(4));
      mark.pin.style.setProperty("--down", Math.min(0.92, at.top).toFixed(4));
    }
  }
}
