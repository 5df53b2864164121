/** How far each adapter has moved its matrix: a table of blocks and projections, shaded by the largest of the whole run. */

import type { AdapterNorm } from "clip-ttl";
import { formatNats } from "clip-ttl/element";
import { make, setText } from "../page-dom.js";
import { words } from "./words.js";

export class NormsTable {
  readonly element: HTMLElement;
  readonly #table: HTMLTableElement;
  readonly #none: HTMLElement;
  /** By block and projection. */
  readonly #cells = new Map<string, { readonly value: HTMLElement; readonly bar: HTMLElement }>();
  #shape = "";

  constructor() {
    this.#table = make("table", {});
    this.#none = make("p", { class: "note" }, words.norms.none);
    this.element = make("div", { class: "norms" }, this.#table, this.#none);
  }

  /** Shows the norms of one state; `largest` is the run's largest, which all states are shaded by. */
  show(norms: readonly AdapterNorm[], largest: number): void {
    this.#table.hidden = norms.length === 0;
    this.#none.hidden = norms.length > 0;
    const shape = norms.map(({ block, projection }) => `${block} ${projection}`).join();
    if (shape !== this.#shape) this.#build(norms);
    this.#shape = shape;
    for (const { block, projection, norm } of norms) {
      const cell = this.#cells.get(`${block} ${projection}`);
      if (cell === undefined) continue;
      setText(cell.value, formatNats(norm, 3));
      cell.bar.style.inlineSize = `${largest > 0 ? ((norm / largest) * 100).toFixed(1) : "0"}%`;
    }
  }

  #build(norms: readonly AdapterNorm[]): void {
    this.#cells.clear();
    const projections = [...new Set(norms.map(({ projection }) => projection))];
    const blocks = [...new Set(norms.map(({ block }) => block))].sort((a, b) => a - b);
    const head = make(
      "tr",
      {},
      make("th", { scope: "col" }, words.norms.block),
      ...projections.map((projection) => make("th", { scope: "col" }, words.norms.projection(words.projections[projection] ?? projection))),
    );
    const rows = blocks.map((block) => {
      const cells = projections.map((projection) => {
        const value = make("span", { class: "norms-value" });
        const bar = make("span", { class: "norms-bar" });
        this.#cells.set(`${block} ${projection}`, { value, bar });
        return make("td", {}, value, make("span", { class: "norms-track", "aria-hidden": "true" }, bar));
      });
      return make("tr", {}, make("th", { scope: "row" }, String(block + 1)), ...cells);
    });
    this.#table.replaceChildren(make("caption", {}, words.norms.caption), make("thead", {}, head), make("tbody", {}, ...rows));
  }
}
