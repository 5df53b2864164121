/** Shows what went wrong where it belongs, and tells the page. */

import { ClipTtlError } from "../errors.js";
import { tell } from "./events.js";
import { placeOf, wayOutOf, wordsOf } from "./problems.js";
import type { Missing } from "./question.js";
import type { ReflectedElement } from "./reflected-element.js";
import type { ElementStrings } from "./strings.js";
import type { WidgetView } from "./widget-view.js";

export interface ProblemDeskTools {
  readonly host: ReflectedElement;
  readonly strings: () => ElementStrings;
  readonly view: () => WidgetView;
  /** Speaks to those who don't see the element. */
  readonly say: (words: string) => void;
  /** Does again what failed. */
  readonly again: () => void;
}

export class ProblemDesk {
  readonly #tools: ProblemDeskTools;

  constructor(tools: ProblemDeskTools) {
    this.#tools = tools;
  }

  /** An error of the engine, of the network, of a picture. `addition` is said after it. Nothing that was entered or found is taken away. */
  report(error: ClipTtlError, addition = ""): void {
    const { host } = this.#tools;
    const view = this.#tools.view();
    const words = wordsOf(error, this.#tools.strings()) + addition;
    const place = placeOf(error);
    if (place.kind === "labels") view.question.showLabelsProblem(words);
    else if (place.kind === "template") view.question.showTemplateProblem(words);
    else if (place.kind === "option" && host.controls) {
      view.openSettings();
      view.controls.showError(place.option, words);
    } else view.run.showProblem(words, this.#wayOut(error));
    this.#tell(error, words);
  }

  /** Something that is missing for a run; the focus goes there if somebody waits for it. */
  refuse({ place, error, words }: Missing, takesFocus: boolean): ClipTtlError {
    const { picture, question, run } = this.#tools.view();
    if (place === "picture") run.showProblem(words, null);
    else if (place === "labels") question.showLabelsProblem(words);
    else question.showTemplateProblem(words);
    if (takesFocus) (place === "picture" ? picture : question).focus();
    return this.#tell(error, words);
  }

  /** A setting that has no possible value; its control says so already. */
  refuseSetting(control: HTMLElement, takesFocus: boolean): ClipTtlError {
    this.#tools.view().openSettings();
    if (takesFocus) control.focus();
    return this.#tell(new ClipTtlError("option-invalid", "a setting has no possible value"), this.#tools.strings().widget.sections.invalid);
  }

  #wayOut(error: ClipTtlError): { readonly words: string; readonly take: () => void } | null {
    const { host, again } = this.#tools;
    const way = wayOutOf(error, host.device);
    if (way === null) return null;
    const text = this.#tools.strings().widget.buttons;
    const take = (): void => {
      if (way === "cpu") host.device = "cpu";
      again();
    };
    return { words: way === "cpu" ? text.continueOnCpu : text.tryAgain, take };
  }

  #tell(error: ClipTtlError, words: string): ClipTtlError {
    this.#tools.say(words);
    tell(this.#tools.host, "error", { error, code: error.code, message: words });
    return error;
  }
}
