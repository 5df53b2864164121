/** The ready lessons as links: the list at the beginning of the page, and the one on harm at its end. */

import { byId, make } from "../page-dom.js";
import { LESSONS, type Lesson } from "./lessons.js";
import { words } from "./words.js";

export class LessonList {
  readonly #onPress: (isInAddress: boolean) => void;

  /** `onPress` is told of a link that is pressed, and whether the address has it already: then following it changes nothing. */
  constructor(onPress: (isInAddress: boolean) => void) {
    this.#onPress = onPress;
    const items = LESSONS.map((lesson) => make("li", {}, this.#link(lesson), make("p", {}, lesson.summary)));
    byId("lesson-list", HTMLElement).replaceChildren(...items);
    const harm = LESSONS.find(({ id }) => id === "when-it-goes-wrong");
    if (harm !== undefined) byId("harm", HTMLElement).replaceChildren(words.harm.before, this.#link(harm), `. ${harm.summary}${words.harm.after}`);
  }

  #link({ title, hash }: Lesson): HTMLAnchorElement {
    const link = make("a", { href: `#${hash}` }, title);
    link.addEventListener("click", ({ ctrlKey, metaKey, shiftKey, altKey }) => {
      // With one of these keys a link opens elsewhere, or is saved.
      if (!ctrlKey && !metaKey && !shiftKey && !altKey) this.#onPress(link.hash === location.hash);
    });
    return link;
  }
}
