/** A line about what a link asks for and can't have. */

import { setText } from "./page-dom.js";
import { text } from "./strings.js";

export class LinkNote {
  readonly #element: HTMLElement;
  #notes: readonly string[] = [];
  #lacksPicture = false;

  constructor(element: HTMLElement) {
    this.#element = element;
  }

  /** Shows sentences. `lacksPicture`: the link was made with a picture that only its author has, which is then said as well. */
  show(notes: readonly string[], lacksPicture: boolean): void {
    this.#notes = notes;
    this.#lacksPicture = lacksPicture;
    const sentences = lacksPicture ? [...notes, text.link.ownPicture] : notes;
    setText(this.#element, sentences.join(" "));
    this.#element.hidden = sentences.length === 0;
  }

  /** A picture has taken the place of the one that the link lacks: nobody is asked for one any more. */
  pictureChosen(): void {
    if (this.#lacksPicture) this.show(this.#notes, false);
  }
}
