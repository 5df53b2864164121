/** The picture: where it is shown, and where people drop, choose or paste another one. */

import { CropOverlay } from "../element/crop-overlay.js";
import { html, setText } from "../element/dom.js";
import type { ViewData } from "../element/view-data.js";
import { mayHoldPicture, pictureOf, type ShownPicture } from "./picture.js";
import type { ElementStrings } from "./strings.js";

export interface PictureListener {
  /** Somebody gave a file or the address of a picture. */
  pictureGiven(picture: File | string): void;
  /** Somebody points at a view's box. */
  viewHighlighted(view: number | null): void;
}

const ACCEPTED = "image/png,image/jpeg,image/webp,image/gif,image/bmp";
const NO_VIEWS: readonly ViewData[] = [];

export class PicturePanel {
  readonly element: HTMLElement;
  /** Where an author's own `<img>` goes. */
  readonly slot = html("slot", { name: "picture" });
  readonly #strings: ElementStrings;
  readonly #listener: PictureListener;
  readonly #overlay: CropOverlay;
  readonly #zone: HTMLElement;
  readonly #file: HTMLInputElement;
  readonly #choose: HTMLButtonElement;
  readonly #note: HTMLElement;
  #picture: ShownPicture | null = null;

  constructor(strings: ElementStrings, listener: PictureListener) {
    this.#strings = strings;
    this.#listener = listener;
    const text = strings.widget.picture;
    this.#overlay = new CropOverlay((view) => listener.viewHighlighted(view), strings);
    this.#file = html("input", { type: "file", class: "ct-hidden", accept: ACCEPTED, tabindex: -1, "aria-hidden": "true" });
    this.#choose = html("button", { type: "button", class: "w-button w-choose", part: "button choose-button" }, text.choose);
    const hint = html("p", { class: "w-drop-hint" }, text.drop);
    this.#zone = html(
      "div",
      { class: "w-drop w-drop-empty", part: "drop-zone" },
      html("div", { class: "w-drop-slot" }, this.slot),
      this.#overlay.element,
      html("div", { class: "w-drop-front" }, hint, this.#choose),
    );
    this.#note = html("span", { class: "w-picture-note" }, text.none);
    const caption = html("p", { class: "w-caption ct-soft", part: "caption" }, html("slot", { name: "caption" }, this.#note));
    this.element = html("div", { class: "w-picture", part: "picture" }, this.#zone, this.#file, caption);
    this.#listen();
  }

  get picture(): ShownPicture | null {
    return this.#picture;
  }

  /** The author's own `<img>`, if there is one. */
  get slotted(): HTMLImageElement | null {
    const image = this.slot.assignedElements().find((element) => element.localName === "img");
    return (image as HTMLImageElement | undefined) ?? null;
  }

  /** Shows a picture, and its name below, or the place for one. */
  show(picture: ShownPicture | null): void {
    const text = this.#strings.widget.picture;
    this.#picture = picture;
    this.#zone.classList.toggle("w-drop-empty", picture === null);
    setText(this.#choose, picture === null ? text.choose : text.change);
    const size = picture === null ? "" : `${picture.source.width} × ${picture.source.height}`;
    setText(this.#note, picture === null ? text.none : picture.name === "" ? size : `${picture.name}, ${size}`);
    this.showViews(null);
  }

  /** Draws the views' boxes over the picture, or takes them away. */
  showViews(views: readonly Pick<ViewData, "box" | "weight">[] | null): void {
    const picture = this.#picture;
    const label = picture === null ? "" : picture.alt === "" ? this.#strings.widget.picture.alt(picture.name) : picture.alt;
    this.#overlay.update({ picture: picture?.source ?? null, views: views ?? NO_VIEWS, label });
    this.#zone.classList.toggle("w-drop-views", views !== null);
  }

  highlight(view: number | null): void {
    this.#overlay.highlight(view);
  }

  showBusy(isBusy: boolean): void {
    this.#zone.classList.toggle("w-drop-busy", isBusy);
  }

  focus(): void {
    this.#choose.focus();
  }

  /** Takes the picture of a drop or a paste; whether there is one, and the element lets people give pictures. */
  take(data: DataTransfer | null): boolean {
    if (this.element.hidden) return false;
    const picture = pictureOf(data);
    if (picture !== null) this.#listener.pictureGiven(picture);
    return picture !== null;
  }

  #listen(): void {
    this.#choose.addEventListener("click", () => this.#file.click());
    // The empty zone is a large target for the pointer; the button in it is the one for everybody else.
    this.#zone.addEventListener("click", (event) => {
      if (this.#picture === null && event.target !== this.#choose) this.#file.click();
    });
    this.#file.addEventListener("change", () => {
      const file = this.#file.files?.[0];
      // Emptied, so that choosing the same file again counts as a change.
      this.#file.value = "";
      if (file !== undefined) this.#listener.pictureGiven(file);
    });
  }

  /** Lets pictures be dropped anywhere on an element. Where people may give none, a drop is refused: the browser would leave the page for it. */
  takeDropsOn(target: HTMLElement): void {
    let depth = 0;
    const mark = (change: number): void => {
      depth = Math.max(0, depth + change);
      this.#zone.classList.toggle("w-drop-over", depth > 0);
    };
    target.addEventListener("dragenter", (event) => {
      if (mayHoldPicture(event.dataTransfer) && !this.element.hidden) mark(1);
    });
    target.addEventListener("dragleave", () => mark(-1));
    target.addEventListener("dragover", (event) => {
      if (event.dataTransfer === null || !mayHoldPicture(event.dataTransfer)) return;
      event.preventDefault();
      if (this.element.hidden) event.dataTransfer.dropEffect = "none";
    });
    target.addEventListener("drop", (event) => {
      mark(-depth);
      if (!mayHoldPicture(event.dataTransfer)) return;
      event.preventDefault();
      this.take(event.dataTransfer);
    });
  }
}
