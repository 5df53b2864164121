/** Loss and entropies over the updates: our own SVG, a legend that is the read-out, and a table of the values. */

import { html, isShortcut, sameItems, svg } from "./dom.js";
import { lastCompleteUpdate, lastKnownUpdate, SERIES, type EntropySeries, type SeriesName } from "./entropy-series.js";
import { formatPlain } from "./format.js";
import { PlotLegend, seriesMark } from "./plot-legend.js";
import { entropyAxisEnd, updateScale, valueScale, type Scale } from "./scale.js";
import { english, type Strings } from "./strings.js";

export interface EntropyPlotData {
  readonly series: EntropySeries;
  /** Number of labels: the entropy is at most its logarithm. */
  readonly labelCount: number;
  /** The update that is read out while the reader points at none; without it, the latest with all values. */
  readonly cursor?: number | undefined;
  /** A value that the axis must hold too, for plots that are to share theirs. */
  readonly largest?: number | undefined;
}

const HEIGHT = 300;
const MARGIN = { top: 22, right: 16, bottom: 44, left: 44 };
/** Above this many updates only the chosen one gets marks. */
const MARKED_UPDATES = 24;
const NO_SERIES: EntropySeries = { prediction: [null, null], mean: [null, null], marginal: [null, null], loss: [null, null] };

export class EntropyPlot {
  readonly element: HTMLElement;
  readonly #strings: Strings;
  readonly #legend: PlotLegend;
  readonly #stage: HTMLElement;
  readonly #graphic: SVGSVGElement;
  readonly #tableBody: HTMLTableSectionElement;
  #data: EntropyPlotData = { series: NO_SERIES, labelCount: 0 };
  #width = 640;
  /** The update that the reader chose, or null: then the latest is read out. */
  #chosen: number | null = null;
  #drawn = new Set<string>();

  constructor(strings: Strings = english) {
    this.#strings = strings;
    const text = strings.plot;
    this.#graphic = svg("svg", { class: "ct-plot-graphic", "aria-hidden": "true", focusable: "false", height: HEIGHT });
    this.#stage = html(
      "div",
      { class: "ct-plot-stage", role: "slider", tabindex: 0, "aria-label": text.readWithKeys, "aria-valuemin": 0 },
      this.#graphic,
    );
    this.#legend = new PlotLegend(strings, () => this.#render());
    this.#tableBody = html("tbody");
    this.element = html(
      "div",
      { class: "ct-plot", part: "plot" },
      html("div", { class: "ct-plot-figure" }, this.#stage, this.#legend.element),
      html("details", { class: "ct-plot-details" }, html("summary", {}, text.tableSummary), this.#buildTable()),
    );
    this.#listen();
    new ResizeObserver(([entry]) => {
      const width = Math.round(entry?.contentRect.width ?? 0);
      if (width > 0 && width !== this.#width) {
        this.#width = width;
        this.#render();
      }
    }).observe(this.#stage);
    this.#render();
  }

  /** Shows other values. Lines that are new since the last call are drawn with a short movement. */
  update(data: EntropyPlotData): void {
    const old = this.#data;
    const isSame = old.labelCount === data.labelCount && old.cursor === data.cursor && old.largest === data.largest;
    if (isSame && SERIES.every((name) => sameItems(old.series[name], data.series[name]))) return;
    const restarted = data.series.prediction.length !== old.series.prediction.length;
    if (restarted || lastKnownUpdate(data.series) === null) this.#chosen = null;
    this.#data = data;
    this.#render();
    this.#fillTable();
  }

  get #lastUpdate(): number {
    return Math.max(1, this.#data.series.prediction.length - 1);
  }

  /** The update that is read out: the chosen one, else the cursor's, else the latest with all values. */
  get #current(): number | null {
    const { series, cursor } = this.#data;
    return this.#chosen ?? cursor ?? lastCompleteUpdate(series) ?? lastKnownUpdate(series);
  }

  #listen(): void {
    const choose = (update: number | null): void => {
      this.#chosen = update;
      this.#render();
    };
    const chooseAt = (event: PointerEvent): void => {
      const bounds = this.#graphic.getBoundingClientRect();
      const inner = bounds.width - MARGIN.left - MARGIN.right;
      const share = (event.clientX - bounds.left - MARGIN.left) / inner;
      choose(Math.min(this.#lastUpdate, Math.max(0, Math.round(share * this.#lastUpdate))));
    };
    this.#stage.addEventListener("pointerdown", chooseAt);
    this.#stage.addEventListener("pointermove", chooseAt);
    this.#stage.addEventListener("pointerleave", ({ pointerType }) => {
      // A finger leaves as soon as it is lifted: what it has chosen is to be read then.
      if (pointerType === "mouse") choose(null);
    });
    // The finger scrolls the page.
    this.#stage.addEventListener("pointercancel", () => choose(null));
    this.#stage.addEventListener("blur", () => choose(null));
    this.#stage.addEventListener("keydown", (event) => {
      if (isShortcut(event)) return;
      const at = this.#current ?? 0;
      const moves: Readonly<Record<string, number>> = {
        ArrowLeft: at - 1,
        ArrowDown: at - 1,
        ArrowRight: at + 1,
        ArrowUp: at + 1,
        PageDown: at - 10,
        PageUp: at + 10,
        Home: 0,
        End: this.#lastUpdate,
      };
      const target = moves[event.key];
      if (target === undefined) return;
      event.preventDefault();
      choose(Math.min(this.#lastUpdate, Math.max(0, target)));
    });
  }

  #render(): void {
    const { series, labelCount } = this.#data;
    const shown = SERIES.filter((name) => this.#legend.isShown(name));
    const current = this.#current;
    const largest = Math.max(this.#data.largest ?? 0, ...SERIES.flatMap((name) => series[name].filter((value) => value !== null)));
    const x = updateScale(this.#lastUpdate, MARGIN.left, this.#width - MARGIN.right);
    const y = valueScale(entropyAxisEnd(largest, labelCount), HEIGHT - MARGIN.bottom, MARGIN.top);

    this.#graphic.setAttribute("width", String(this.#width));
    this.#graphic.setAttribute("viewBox", `0 0 ${this.#width} ${HEIGHT}`);
    this.#graphic.replaceChildren(this.#axes(x, y), ...shown.map((name) => this.#curve(name, x, y, current)));
    if (current !== null) this.#graphic.prepend(this.#guide(x.position(current)));
    this.#drawn = new Set(SERIES.flatMap((name) => series[name].map((value, update) => (value === null ? "" : `${name}:${update}`))));

    const values = (name: SeriesName): number | null => (current === null ? null : (series[name][current] ?? null));
    const heading = current === null ? this.#strings.plot.noValues : this.#strings.plot.atUpdate(current);
    this.#legend.read(heading, values);
    this.#stage.setAttribute("aria-valuemax", String(this.#lastUpdate));
    this.#stage.setAttribute("aria-valuenow", String(current ?? 0));
    const spoken = shown.map((name) => `${this.#strings.plot.series[name].name} ${this.#strings.plot.value(values(name))}`);
    this.#stage.setAttribute("aria-valuetext", current === null ? heading : `${heading}: ${spoken.join(", ")}`);
  }

  #guide(x: number): SVGElement {
    return svg("line", { class: "ct-plot-guide", x1: x, x2: x, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom });
  }

  #axes(x: Scale, y: Scale): SVGElement {
    const text = this.#strings.plot;
    const bottom = HEIGHT - MARGIN.bottom;
    const right = this.#width - MARGIN.right;
    const group = svg("g", { class: "ct-plot-axes" });
    for (const tick of y.ticks) {
      const at = round(y.position(tick));
      group.append(svg("line", { class: tick === 0 ? "ct-plot-base" : "ct-plot-grid", x1: MARGIN.left, x2: right, y1: at, y2: at }));
      group.append(svg("text", { x: MARGIN.left - 8, y: at, dy: "0.32em", "text-anchor": "end" }, formatPlain(tick)));
    }
    for (const tick of x.ticks) {
      const at = round(x.position(tick));
      group.append(svg("line", { class: "ct-plot-base", x1: at, x2: at, y1: bottom, y2: bottom + 4 }));
      group.append(svg("text", { x: at, y: bottom + 18, "text-anchor": "middle" }, String(tick)));
    }
    group.append(
      svg("text", { class: "ct-plot-name", x: 4, y: 10 }, text.yAxis),
      svg("text", { class: "ct-plot-name", x: (MARGIN.left + right) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, text.xAxis),
    );
    const { labelCount } = this.#data;
    if (labelCount > 1 && Math.log(labelCount) <= y.domainEnd * (1 + 1e-9)) {
      const at = round(y.position(Math.log(labelCount)));
      group.append(svg("line", { class: "ct-plot-limit", x1: MARGIN.left, x2: right, y1: at, y2: at }));
      group.append(svg("text", { class: "ct-plot-name", x: right, y: at - 6, "text-anchor": "end" }, text.undecided(labelCount)));
    }
    return group;
  }

  #curve(name: SeriesName, x: Scale, y: Scale, current: number | null): SVGElement {
    const values = this.#data.series[name];
    const group = svg("g", { class: `ct-plot-curve ct-plot-${name}` });
    const at = (update: number): [number, number] | null => {
      const value = values[update] ?? null;
      return value === null ? null : [round(x.position(update)), round(y.position(value))];
    };
    for (let update = 1; update < values.length; update += 1) {
      const [from, to] = [at(update - 1), at(update)];
      if (from === null || to === null) continue;
      const isNew = !this.#drawn.has(`${name}:${update}`);
      group.append(svg("path", { d: `M${from.join(" ")}L${to.join(" ")}`, class: isNew ? "ct-plot-new" : undefined }));
    }
    values.forEach((_, update) => {
      const point = at(update);
      const isMarked = values.length <= MARKED_UPDATES || update === current;
      if (point !== null && isMarked) group.append(seriesMark(name, point[0], point[1], update === current ? 5 : 3.5));
    });
    return group;
  }

  #buildTable(): HTMLTableElement {
    const text = this.#strings.plot;
    const heading = (name: string): HTMLElement => html("th", { scope: "col" }, name);
    const headings = [heading(text.tableUpdates), ...SERIES.map((name) => heading(text.series[name].name))];
    return html(
      "table",
      {},
      html("caption", { class: "ct-hidden" }, text.tableCaption),
      html("thead", {}, html("tr", {}, ...headings)),
      this.#tableBody,
    );
  }

  #fillTable(): void {
    const { series } = this.#data;
    const known = lastKnownUpdate(series) ?? -1;
    const rows = Array.from({ length: known + 1 }, (_, update) =>
      html(
        "tr",
        {},
        html("th", { scope: "row" }, String(update)),
        ...SERIES.map((name) => html("td", {}, this.#strings.plot.value(series[name][update] ?? null))),
      ),
    );
    this.#tableBody.replaceChildren(...rows);
  }
}

/** Tenths of a pixel are exact enough, and readable in the inspector. */
function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
