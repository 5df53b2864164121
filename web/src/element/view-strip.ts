/** The views as a strip of thumbnails: what the model looked at, how certain it was, how much each counted. */

import { html, isShortcut, setText } from "./dom.js";
import { formatNats } from "./format.js";
import { english, type Strings } from "./strings.js";
import { drawCrop, type PictureSource, type ViewData } from "./view-data.js";

/** A view as the strip may know it while a run is still going: without its box there is no thumbnail yet. */
export type StripView = Omit<ViewData, "box"> & {
  readonly box: ViewData["box"] | null;
  /** What else there is to say of it: its own prediction, say. */
  readonly note?: string | undefined;
};

export interface ViewStripData {
  readonly picture: PictureSource | null;
  readonly views: readonly StripView[];
  /** How many views the engine has encoded so far. */
  readonly encoded: number;
}

type Order = "drawn" | "weight";

/** Pixels of a thumbnail's side. */
const THUMB_PIXELS = 112;
/** Thumbnails drawn in one go, so that no frame takes long. */
const DRAWN_AT_ONCE = 16;

interface Tile {
  readonly element: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  readonly bar: HTMLElement;
  readonly entropy: HTMLElement;
}

export class ViewStrip {
  readonly element: HTMLElement;
  readonly #strings: Strings;
  readonly #list: HTMLElement;
  readonly #detail: HTMLElement;
  readonly #order: HTMLSelectElement;
  readonly #onHighlight: (view: number | null) => void;
  #tiles: Tile[] = [];
  #data: ViewStripData = { picture: null, views: [], encoded: 0 };
  #chosen: number | null = null;
  /** The view that is marked and described: the one pointed at, else the chosen one. */
  #marked: number | null = null;
  #drawing = 0;

  /** `onHighlight` is told which view the reader points at or has moved to with the keyboard. */
  constructor(onHighlight: (view: number | null) => void, strings: Strings = english) {
    this.#strings = strings;
    this.#onHighlight = onHighlight;
    const text = strings.views;
    this.#list = html("div", { class: "ct-views-list", role: "listbox", "aria-label": text.list, "aria-orientation": "horizontal" });
    this.#detail = html("p", { class: "ct-views-detail ct-number" });
    this.#order = html(
      "select",
      {},
      html("option", { value: "drawn" }, text.asDrawn),
      html("option", { value: "weight" }, text.byWeight),
    );
    this.#order.addEventListener("change", () => this.#arrange());
    const order = html("label", { class: "ct-views-order ct-soft" }, `${text.order} `, this.#order);
    this.element = html("div", { class: "ct-views", part: "views" }, html("div", { class: "ct-views-head" }, this.#detail, order), this.#list);
    this.#listen();
    this.#describe(null);
  }

  /** Shows views; without values they are empty frames of the same size, so that nothing moves when values arrive. */
  update(data: ViewStripData): void {
    const redraw = data.picture !== this.#data.picture || data.views.some((view, index) => view.box !== this.#data.views[index]?.box);
    this.#data = data;
    if (this.#tiles.length !== data.views.length) this.#build(data.views.length);
    const heaviest = Math.max(0, ...data.views.map((view) => view.weight ?? 0));
    data.views.forEach((view, index) => this.#fill(index, view, heaviest));
    if (redraw) this.#draw();
    this.#arrange();
    this.#describe(this.#marked);
  }

  /** Marks a view that the reader points at elsewhere. */
  highlight(view: number | null): void {
    this.#mark(view ?? this.#chosen);
  }

  #build(count: number): void {
    this.#chosen = null;
    this.#marked = null;
    this.#onHighlight(null);
    this.#tiles = Array.from({ length: count }, (_, index) => {
      const canvas = html("canvas", { width: THUMB_PIXELS, height: THUMB_PIXELS, "aria-hidden": "true" });
      const bar = html("span", { class: "ct-views-fill" });
      const entropy = html("span", { class: "ct-views-entropy ct-number" });
      const element = html(
        "div",
        { class: "ct-views-tile", role: "option", "aria-selected": "false", tabindex: index === 0 ? 0 : -1, "data-view": index },
        canvas,
        html("span", { class: "ct-views-weight", "aria-hidden": "true" }, bar),
        entropy,
      );
      return { element, canvas, bar, entropy };
    });
    this.#list.replaceChildren(...this.#tiles.map((tile) => tile.element));
  }

  #fill(index: number, view: StripView, heaviest: number): void {
    const tile = this.#tiles[index];
    if (tile === undefined) return;
    const share = heaviest > 0 && view.weight !== null ? view.weight / heaviest : 0;
    tile.bar.style.inlineSize = `${(share * 100).toFixed(1)}%`;
    tile.canvas.style.opacity = view.weight === null ? "1" : (0.35 + 0.65 * share).toFixed(2);
    setText(tile.entropy, view.entropyBefore === null ? "\u00a0" : formatNats(view.entropyBefore, 2));
    tile.element.classList.toggle("ct-views-drawn", view.box !== null && this.#data.picture !== null);
    tile.element.classList.toggle("ct-views-encoded", index < this.#data.encoded);
    tile.element.classList.toggle("ct-views-centre", index === 0);
    tile.element.setAttribute("aria-label", this.#words(index, view));
  }

  #words(index: number, view: StripView): string {
    const text = this.#strings.views;
    const parts = [text.entropy(view.entropyBefore, view.entropyAfter)];
    if (view.note !== undefined) parts.unshift(view.note);
    if (view.weight !== null) parts.push(text.weight(view.weight));
    if (view.flip) parts.push(text.mirrored);
    if (index === 0) parts.push(text.isCentre);
    return `${text.title(index, this.#data.views.length)}: ${parts.join(", ")}`;
  }

  /** Draws the thumbnails a few at a time; a later call stops an earlier one. */
  #draw(): void {
    this.#drawing += 1;
    const turn = this.#drawing;
    const { picture, views } = this.#data;
    // What an earlier run or picture left there is not this one's.
    views.forEach((view, index) => {
      if (picture === null || view.box === null) clear(this.#tiles[index]?.canvas);
    });
    const drawFrom = (start: number): void => {
      if (turn !== this.#drawing || picture === null) return;
      views.slice(start, start + DRAWN_AT_ONCE).forEach((view, offset) => {
        const tile = this.#tiles[start + offset];
        if (tile !== undefined && view.box !== null) drawCrop(tile.canvas, picture, { box: view.box, flip: view.flip });
      });
      if (start + DRAWN_AT_ONCE < views.length) requestAnimationFrame(() => drawFrom(start + DRAWN_AT_ONCE));
    };
    drawFrom(0);
  }

  #arrange(): void {
    const order: Order = this.#order.value === "weight" ? "weight" : "drawn";
    const weightOf = (index: number): number => this.#data.views[index]?.weight ?? 0;
    const indices = this.#tiles.map((_, index) => index);
    if (order === "weight") indices.sort((a, b) => weightOf(b) - weightOf(a) || a - b);
    const wanted = indices.map((index) => this.#tiles[index]?.element).filter((element) => element !== undefined);
    const same = wanted.every((element, position) => this.#list.children[position] === element);
    if (same) return;
    const focused = wanted.findIndex((element) => element.matches(":focus"));
    const kept = wanted[focused];
    if (kept === undefined) {
      this.#list.replaceChildren(...wanted);
      return;
    }
    // A tile that is taken out loses the focus, even if it is put back: the others are put around it.
    kept.before(...wanted.slice(0, focused));
    kept.after(...wanted.slice(focused + 1));
  }

  #listen(): void {
    const viewOf = (event: Event): number | null => {
      const tile = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-view]") : null;
      return tile === null ? null : Number(tile.dataset["view"]);
    };
    this.#list.addEventListener("pointerover", (event) => this.#mark(viewOf(event) ?? this.#chosen));
    this.#list.addEventListener("pointerleave", () => this.#mark(this.#chosen));
    this.#list.addEventListener("click", (event) => {
      const view = viewOf(event);
      this.#choose(view === this.#chosen ? null : view);
    });
    this.#list.addEventListener("focusin", (event) => {
      const view = viewOf(event);
      if (view !== null && event.target instanceof Element && event.target.matches(":focus-visible")) this.#choose(view);
    });
    this.#list.addEventListener("keydown", (event) => this.#moveWithKeys(event));
  }

  #moveWithKeys(event: KeyboardEvent): void {
    if (isShortcut(event)) return;
    if (event.key === "Escape") {
      this.#choose(null);
      return;
    }
    const shown = [...this.#list.children];
    const at = shown.findIndex((element) => element === document.activeElement || element.matches(":focus"));
    if (at < 0) return;
    const { across, down } = strides(shown);
    const onwards = getComputedStyle(this.#list).direction === "rtl" ? -across : across;
    const moves: Readonly<Record<string, number>> = {
      ArrowLeft: at - onwards,
      ArrowRight: at + onwards,
      ArrowUp: at - down,
      ArrowDown: at + down,
      Home: 0,
      End: shown.length - 1,
    };
    const target = moves[event.key];
    const tile = target === undefined ? undefined : shown[Math.min(shown.length - 1, Math.max(0, target))];
    if (!(tile instanceof HTMLElement)) return;
    event.preventDefault();
    tile.focus();
  }

  #choose(view: number | null): void {
    this.#chosen = view;
    this.#tiles.forEach((tile, index) => {
      tile.element.setAttribute("aria-selected", String(index === view));
      tile.element.tabIndex = index === (view ?? 0) ? 0 : -1;
    });
    this.#mark(view);
  }

  #mark(view: number | null): void {
    this.#marked = view;
    this.#tiles.forEach((tile, index) => tile.element.classList.toggle("ct-views-current", index === view));
    this.#describe(view);
    this.#onHighlight(view);
  }

  #describe(index: number | null): void {
    const view = index === null ? undefined : this.#data.views[index];
    const text = this.#strings.views;
    const known = this.#data.views.some((entry) => entry.box !== null);
    const idle = known ? text.hint : text.waiting(this.#data.views.length);
    setText(this.#detail, index === null || view === undefined ? idle : this.#words(index, view));
  }
}

function clear(canvas: HTMLCanvasElement | undefined): void {
  canvas?.getContext("2d")?.clearRect(0, 0, canvas.width, canvas.height);
}

/**
 * How many places further the next tile in the direction of writing, and the next one below, is: tiles fill rows, or columns on a narrow
 * screen.
 */
function strides(tiles: readonly Element[]): { across: number; down: number } {
  const boxes = tiles.map((tile) => tile.getBoundingClientRect());
  const first = boxes[0];
  const perRow = boxes.findIndex((box) => first !== undefined && box.top > first.top);
  const perColumn = boxes.findIndex((box) => first !== undefined && box.left !== first.left);
  return perRow === 1 ? { across: Math.max(1, perColumn), down: 1 } : { across: 1, down: perRow < 0 ? tiles.length : perRow };
}
