/** What is said of the run on stage: its title, where it comes from, whose the picture is, and what a lesson asks the reader to find out. */

import { byId, make, setText } from "../page-dom.js";
import { text } from "../strings.js";
import type { LessonRun } from "./lesson-run.js";
import type { Lesson } from "./lessons.js";
import type { LessonPicture } from "./pictures.js";
import { words } from "./words.js";

export class WalkHead {
  readonly #title = byId("walk-title", HTMLElement);
  readonly #note = byId("walk-note", HTMLElement);
  readonly #caption = byId("picture-caption", HTMLElement);
  readonly #tasks = byId("tasks", HTMLElement);
  readonly #taskList = byId("task-list", HTMLElement);

  get title(): string {
    return this.#title.textContent ?? "";
  }

  /** `lesson` is the ready lesson whose first run it is, or null; without a run, it says how one gets it. */
  show(lesson: Lesson | null, run: LessonRun | null, shown: LessonPicture | null): void {
    this.#tasks.hidden = lesson === null;
    this.#taskList.replaceChildren(...(lesson?.tasks ?? []).map((task) => make("li", {}, task)));
    setText(this.#title, lesson?.title ?? shown?.sample?.title ?? shown?.picture.name ?? words.run.untitled);
    if (run !== null) this.showNote({ recorded: words.run.recorded, computed: words.run.computed(run.report.device), opened: words.run.opened }[run.origin]);
    else this.showNote(shown === null ? words.run.noPicture : words.run.press);
    const { sample, picture } = shown ?? { sample: null, picture: null };
    if (sample !== null) setText(this.#caption, text.picture.credit(sample.title, sample.author, sample.licence));
    else if (picture !== null) setText(this.#caption, words.samples.ownCaption(picture.name, picture.source.width, picture.source.height));
    else setText(this.#caption, words.run.noPicture);
  }

  /** Says something else of where the run comes from, until the next `show`. */
  showNote(message: string): void {
    setText(this.#note, message);
  }

  /** Brings the title, and with it the stage, into sight, and the focus there. */
  focus(): void {
    this.#title.focus({ preventScroll: true });
    // The style sheet lets the page glide there, but not for those who want less motion.
    this.#title.scrollIntoView();
  }
}
