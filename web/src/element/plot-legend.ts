/** The plot's legend: names the curves, switches them on and off, and reads out their values at one update. */

import { html, setText, svg } from "./dom.js";
import { SERIES, type SeriesName } from "./entropy-series.js";
import type { Strings } from "./strings.js";

/** A curve's mark, so that curves differ by shape and not by colour alone. `size` is the radius in pixels. */
export function seriesMark(name: SeriesName, x: number, y: number, size: number): SVGElement {
  const attributes = { class: "ct-plot-mark" };
  const r = size;
  switch (name) {
    case "prediction":
      return svg("circle", { ...attributes, cx: x, cy: y, r });
    case "mean":
      return svg("rect", { ...attributes, x: x - r * 0.9, y: y - r * 0.9, width: r * 1.8, height: r * 1.8 });
    case "marginal":
      return svg("path", { ...attributes, d: `M${x} ${y - r * 1.15}L${x + r * 1.1} ${y + r * 0.85}H${x - r * 1.1}Z` });
    case "loss":
      return svg("path", { ...attributes, d: `M${x} ${y - r * 1.25}L${x + r * 1.25} ${y}L${x} ${y + r * 1.25}L${x - r * 1.25} ${y}Z` });
  }
}

interface Entry {
  readonly button: HTMLButtonElement;
  readonly value: HTMLElement;
}

export class PlotLegend {
  readonly element: HTMLElement;
  readonly #strings: Strings;
  readonly #heading: HTMLElement;
  readonly #entries = new Map<SeriesName, Entry>();
  readonly #hidden = new Set<SeriesName>();

  /** `onToggle` is called when the reader switches a curve on or off. */
  constructor(strings: Strings, onToggle: () => void) {
    this.#strings = strings;
    this.#heading = html("p", { class: "ct-plot-heading ct-soft" });
    const list = html("div", { class: "ct-plot-entries" });
    for (const name of SERIES) {
      const entry = this.#build(name);
      entry.button.addEventListener("click", () => {
        if (!this.#hidden.delete(name)) this.#hidden.add(name);
        entry.button.setAttribute("aria-pressed", String(this.isShown(name)));
        onToggle();
      });
      this.#entries.set(name, entry);
      list.append(entry.button);
    }
    this.element = html("div", { class: "ct-plot-legend" }, this.#heading, list);
  }

  isShown(name: SeriesName): boolean {
    return !this.#hidden.has(name);
  }

  /** Writes a heading and one value for each curve. */
  read(heading: string, valueOf: (name: SeriesName) => number | null): void {
    setText(this.#heading, heading);
    for (const [name, entry] of this.#entries) setText(entry.value, this.#strings.plot.value(valueOf(name)));
  }

  #build(name: SeriesName): Entry {
    const { show, series } = this.#strings.plot;
    const { name: title, explanation } = series[name];
    const line = svg("path", { d: "M1 8H27" });
    const sample = svg(
      "svg",
      { class: `ct-plot-sample ct-plot-curve ct-plot-${name}`, width: 28, height: 16, "aria-hidden": "true", focusable: "false" },
      line,
      seriesMark(name, 14, 8, 4),
    );
    const value = html("span", { class: "ct-plot-value ct-number" });
    const words = html(
      "span",
      { class: "ct-plot-words" },
      // What is read out is one sentence: languages put its words in different orders.
      html("span", { class: "ct-hidden" }, show(title)),
      html("span", { class: "ct-plot-title", "aria-hidden": "true" }, title),
      html("span", { class: "ct-plot-explanation ct-soft" }, explanation),
    );
    const button = html("button", { type: "button", class: "ct-plot-entry", "aria-pressed": "true" }, sample, words, value);
    return { button, value };
  }
}
