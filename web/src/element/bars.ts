/** Before and after bars, side by side for each label, sorted by what the model says now. */

import { html, prefersReducedMotion, sameItems, setText } from "./dom.js";
import { rankRows, scaleTop, type BarRow } from "./ranking.js";
import { english, type Strings } from "./strings.js";

export interface BarsData {
  /** The labels, in the order in which probabilities are given. */
  readonly labels: readonly string[];
  /** Zero-shot probabilities in label order, or null while unknown. */
  readonly before: readonly number[] | null;
  /** Probabilities after the latest update in label order, or null where nothing was adapted yet. */
  readonly after: readonly number[] | null;
}

/** How many labels are shown until the reader asks for all. */
const TOP = 10;
/** Above this many rows a moving table costs more than it tells. */
const MOVING_ROWS = 40;

interface RowParts {
  readonly row: HTMLTableRowElement;
  readonly label: HTMLElement;
  readonly before: BarParts;
  readonly after: BarParts;
  readonly points: HTMLElement;
  readonly unit: HTMLElement;
  readonly rank: HTMLElement;
}

interface BarParts {
  readonly cell: HTMLTableCellElement;
  readonly fill: HTMLElement;
  readonly value: HTMLElement;
}

export class Bars {
  readonly element: HTMLElement;
  readonly #strings: Strings;
  readonly #table: HTMLTableElement;
  readonly #body: HTMLTableSectionElement;
  readonly #scales: HTMLElement[];
  readonly #more: HTMLButtonElement;
  readonly #empty: HTMLElement;
  #rows = new Map<number, RowParts>();
  #data: BarsData = { labels: [], before: null, after: null };
  #showsAll = false;

  constructor(strings: Strings = english) {
    this.#strings = strings;
    const text = strings.bars;
    this.#body = html("tbody", { role: "rowgroup" });
    this.#scales = [html("span", { class: "ct-bars-scale" }), html("span", { class: "ct-bars-scale" })];
    const heading = (name: string, kind: string, ...rest: HTMLElement[]): HTMLElement =>
      html("th", { scope: "col", role: "columnheader", class: `ct-bars-${kind}` }, name, ...rest);
    this.#table = html(
      "table",
      { role: "table" },
      html("caption", { class: "ct-hidden" }, text.caption),
      html(
        "thead",
        { role: "rowgroup" },
        html(
          "tr",
          { role: "row" },
          heading(text.label, "label"),
          heading(text.before, "before", ...this.#scales.slice(0, 1)),
          heading(text.after, "after", ...this.#scales.slice(1)),
          heading(text.change, "change", html("abbr", { class: "ct-bars-scale", title: text.changeHelp }, text.changeUnit)),
        ),
      ),
      this.#body,
    );
    this.#more = html("button", { type: "button", class: "ct-link ct-bars-more", "aria-expanded": "false" });
    this.#more.addEventListener("click", () => {
      this.#showsAll = !this.#showsAll;
      this.#render();
    });
    this.#empty = html("p", { class: "ct-bars-empty ct-soft" }, text.empty);
    this.element = html("div", { class: "ct-bars", part: "bars" }, this.#table, this.#empty, this.#more);
    this.#render();
  }

  /** Shows other labels or probabilities; rows of labels that stay move to their new place. */
  update(data: BarsData): void {
    const old = this.#data;
    this.#data = data;
    const isSame = sameItems(old.labels, data.labels) && sameItems(old.before, data.before) && sameItems(old.after, data.after);
    if (!isSame) this.#render();
  }

  #render(): void {
    const { labels } = this.#data;
    const ranked = rankRows(this.#data.before, this.#data.after, labels.length);
    const shown = this.#showsAll ? ranked : ranked.slice(0, TOP);
    const moves = shown.length <= MOVING_ROWS && !prefersReducedMotion();
    const oldTops = moves ? this.#measure() : new Map<HTMLElement, number>();

    const kept = new Map<number, RowParts>();
    for (const row of shown) {
      const parts = this.#rows.get(row.label) ?? this.#build();
      kept.set(row.label, parts);
    }
    this.#rows = kept;
    const top = scaleTop(this.#data.before, this.#data.after);
    for (const row of shown) {
      const parts = kept.get(row.label);
      if (parts !== undefined) this.#fill(parts, row, labels[row.label] ?? "", top);
    }
    const rows = [...kept.values()].map((parts) => parts.row);
    if (!sameItems(rows, [...this.#body.rows])) this.#body.replaceChildren(...rows);
    for (const scale of this.#scales) setText(scale, this.#strings.bars.scale(top));
    if (moves) this.#slide(oldTops);

    this.#table.hidden = labels.length === 0;
    this.#empty.hidden = labels.length > 0;
    this.#more.hidden = labels.length <= TOP;
    this.#more.setAttribute("aria-expanded", String(this.#showsAll));
    setText(this.#more, this.#showsAll ? this.#strings.bars.showTop(TOP) : this.#strings.bars.showAll(labels.length));
  }

  #build(): RowParts {
    const before = buildBar("before");
    const after = buildBar("after");
    const label = html("span", { dir: "auto" });
    // A sign belongs before its number in every script.
    const points = html("span", { class: "ct-bars-points", dir: "ltr" });
    const unit = html("span", { class: "ct-bars-unit" }, ` ${this.#strings.bars.changeUnit}`);
    const rank = html("span", { class: "ct-bars-rank" });
    const row = html(
      "tr",
      { role: "row" },
      html("th", { scope: "row", role: "rowheader", class: "ct-bars-label" }, label),
      before.cell,
      after.cell,
      html("td", { role: "cell", class: "ct-bars-change ct-number" }, rank, points, unit),
    );
    return { row, label, before, after, points, unit, rank };
  }

  #fill(parts: RowParts, row: BarRow, label: string, top: number): void {
    const text = this.#strings.bars;
    setText(parts.label, label);
    parts.label.title = label.length > 24 ? label : "";
    this.#fillBar(parts.before, row.before, top, row.rankBefore === 1);
    this.#fillBar(parts.after, row.after, top, row.rankAfter === 1);
    parts.row.classList.toggle("ct-bars-top", (row.rankAfter ?? row.rankBefore) === 1);
    const both = row.before !== null && row.after !== null;
    setText(parts.points, both ? text.points((row.after ?? 0) - (row.before ?? 0)) : "");
    parts.unit.hidden = !both;
    const moved = both && row.rankAfter !== row.rankBefore;
    const up = (row.rankAfter ?? 0) < (row.rankBefore ?? 0);
    parts.rank.replaceChildren();
    if (moved && row.rankBefore !== null && row.rankAfter !== null) {
      const places = Math.abs(row.rankAfter - row.rankBefore);
      parts.rank.append(
        html("span", { "aria-hidden": "true" }, `${up ? "▲" : "▼"}${places}`),
        html("span", { class: "ct-hidden" }, `${text.rankChange(row.rankBefore, row.rankAfter)}, `),
      );
      parts.rank.title = text.rankChange(row.rankBefore, row.rankAfter);
    } else {
      parts.rank.removeAttribute("title");
    }
    parts.rank.classList.toggle("ct-bars-up", moved && up);
  }

  #fillBar(bar: BarParts, probability: number | null, top: number, isTop: boolean): void {
    const text = this.#strings.bars;
    bar.fill.style.inlineSize = `${(Math.min(1, (probability ?? 0) / top) * 100).toFixed(2)}%`;
    bar.cell.classList.toggle("ct-bars-first", isTop && probability !== null);
    bar.cell.classList.toggle("ct-bars-unknown", probability === null);
    if (probability === null) {
      bar.value.replaceChildren(html("span", { class: "ct-hidden" }, text.notYet));
    } else {
      setText(bar.value, text.spoken(probability));
    }
  }

  #measure(): Map<HTMLElement, number> {
    return new Map([...this.#rows.values()].map(({ row }) => [row, row.offsetTop]));
  }

  #slide(oldTops: ReadonlyMap<HTMLElement, number>): void {
    for (const { row } of this.#rows.values()) {
      const before = oldTops.get(row);
      const distance = before === undefined ? 0 : before - row.offsetTop;
      if (distance === 0) continue;
      row.animate([{ transform: `translateY(${distance}px)` }, { transform: "none" }], {
        duration: 420,
        easing: "cubic-bezier(0.2, 0, 0, 1)",
      });
    }
  }
}

function buildBar(kind: "before" | "after"): BarParts {
  const fill = html("span", { class: "ct-bars-fill" });
  const value = html("span", { class: "ct-bars-value ct-number" });
  const track = html("span", { class: "ct-bars-track", "aria-hidden": "true" }, fill);
  const cell = html("td", { role: "cell", class: `ct-bars-${kind}` }, html("span", { class: "ct-bars-bar" }, track, value));
  return { cell, fill, value };
}
