/**
 * The sentences of all states, one upon the other, of which one is seen: so the panel is as high as its longest text, and nothing below
 * it moves when one steps.
 */

import { make } from "../page-dom.js";
import { shorten } from "../strings.js";
import type { Sentence } from "./sentence.js";
import { words } from "./words.js";

export class StoryPanel {
  readonly #element: HTMLElement;
  readonly #onPoint: (view: number | null) => void;
  readonly #hasHeadings: boolean;
  #states: readonly HTMLElement[] = [];

  /** `onPoint` is told which view the reader points at in the text. */
  constructor(element: HTMLElement, onPoint: (view: number | null) => void, { hasHeadings }: { readonly hasHeadings: boolean }) {
    this.#element = element;
    this.#onPoint = onPoint;
    this.#hasHeadings = hasHeadings;
  }

  /** Takes up the sentences of a run, one list for each state. */
  load(stories: readonly (readonly Sentence[])[]): void {
    const hadFocus = this.#states.some(hasFocus);
    this.#states = stories.map((sentences, updates) =>
      make("div", { class: "story-state", "data-state": String(updates) }, ...this.#heading(updates), ...this.#paragraphs(sentences)),
    );
    this.#element.replaceChildren(...this.#states);
    if (hadFocus) this.#takeFocus();
  }

  /** Shows one state's sentences; a run that has fewer states stays at its last. */
  show(position: number): void {
    const at = Math.min(position, this.#states.length - 1);
    const hadFocus = this.#states.some((state, index) => index !== at && hasFocus(state));
    this.#states.forEach((state, index) => state.classList.toggle("story-shown", index === at));
    if (hadFocus) this.#takeFocus();
  }

  /** The name of a view that goes away must not take the focus with it, nor leave that view alone in the picture. */
  #takeFocus(): void {
    this.#element.focus({ preventScroll: true });
    this.#onPoint(null);
  }

  #heading(updates: number): readonly HTMLElement[] {
    return this.#hasHeadings ? [make("h3", {}, words.story.heading(updates))] : [];
  }

  #paragraphs(sentences: readonly Sentence[]): readonly HTMLElement[] {
    return sentences.map(({ parts, callout }) => {
      const nodes = parts.map((part) => (typeof part === "string" ? part : "label" in part ? labelNode(part.label) : this.#viewButton(part.view)));
      const mark = callout === null ? [] : [make("span", { class: "callout", "aria-hidden": "true" }, String(callout))];
      return make("p", callout === null ? {} : { class: "story-pointing" }, ...mark, ...nodes);
    });
  }

  /** The name of a view that shows it in the picture while one points at it. */
  #viewButton(view: number): HTMLElement {
    const button = make("button", { type: "button", class: "view-link" }, words.story.view(view));
    for (const type of ["pointerenter", "focus"]) button.addEventListener(type, () => this.#onPoint(view));
    for (const type of ["pointerleave", "blur"]) button.addEventListener(type, () => this.#onPoint(null));
    return button;
  }
}

function hasFocus(state: HTMLElement): boolean {
  return state.contains(document.activeElement);
}

/** A label in a sentence: bold, and in its own writing direction. */
function labelNode(label: string): HTMLElement {
  return make("strong", { dir: "auto" }, shorten(label));
}
