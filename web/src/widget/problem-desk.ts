/** Shows what went wrong where it belongs, and tells the page. */

import { ClipTtlError } from "../errors.js";
import { tell } from "./events.js";
import { placeOf, wayOutOf, wordsOf, type ProblemPlace } from "./problems.js";
import type { Missing } from "./question.js";
import type { ReflectedElement } from "./reflected-element.js";
import type { ElementStrings, Words } from "./strings.js";
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

/** What is shown, as data: a view in another language shows it again. */
interface Problem {
  readonly place: ProblemPlace;
  readonly words: Words;
  readonly wayOut: "cpu" | "again" | null;
}

export class ProblemDesk {
  readonly #tools: ProblemDeskTools;
  /** Each place shows one. */
  readonly #shown = new Map<ProblemPlace["kind"], Problem>();

  constructor(tools: ProblemDeskTools) {
    this.#tools = tools;
  }

  /** An error of the engine, of the network, of a picture. `addition` is said after it. Nothing that was entered or found is taken away. */
  report(error: ClipTtlError, addition: Words = () => ""): void {
    const { host, strings, view } = this.#tools;
    const found = placeOf(error);
    const isSettable = found.kind !== "option" || host.controls;
    const words: Words = (strings) => wordsOf(error, strings) + addition(strings);
    if (found.kind === "option" && isSettable) view().openSettings();
    this.#put({ place: isSettable ? found : { kind: "run" }, words, wayOut: wayOutOf(error, host.device) });
    this.#tell(error, words(strings()));
  }

  /** Something that is missing for a run; the focus goes there if somebody waits for it. */
  refuse({ place, error, words }: Missing, takesFocus: boolean): ClipTtlError {
    const { picture, question } = this.#tools.view();
    this.#put({ place: { kind: place === "picture" ? "run" : place }, words, wayOut: null });
    if (takesFocus) (place === "picture" ? picture : question).focus();
    return this.#tell(error, words(this.#tools.strings()));
  }

  /** A setting that has no possible value; its control says so already. */
  refuseSetting(control: HTMLElement, takesFocus: boolean): ClipTtlError {
    this.#tools.view().openSettings();
    if (takesFocus) control.focus();
    return this.#tell(new ClipTtlError("option-invalid", "a setting has no possible value"), this.#tools.strings().widget.sections.invalid);
  }

  /** Something else goes on, or has gone well: what went wrong with a picture, the engine or a run is past. */
  clear(): void {
    this.#shown.delete("run");
    this.#tools.view().run.clearProblem();
  }

  /** Labels and prompt are others: their fields look at them themselves. */
  questionChanged(): void {
    this.#shown.delete("labels");
    this.#shown.delete("template");
  }

  settingsChanged(): void {
    this.#shown.delete("option");
  }

  /** Shows everything once more, in a new view. */
  showAgain(): void {
    for (const problem of this.#shown.values()) this.#show(problem);
  }

  #put(problem: Problem): void {
    this.#shown.set(problem.place.kind, problem);
    this.#show(problem);
  }

  #show({ place, words, wayOut }: Problem): void {
    const { question, controls, run } = this.#tools.view();
    const text = words(this.#tools.strings());
    if (place.kind === "labels") question.showLabelsProblem(text);
    else if (place.kind === "template") question.showTemplateProblem(text);
    else if (place.kind === "option") controls.showError(place.option, text);
    else run.showProblem(text, wayOut === null ? null : this.#offer(wayOut));
  }

  #offer(way: "cpu" | "again"): { readonly words: string; readonly take: () => void } {
    const { host, again } = this.#tools;
    const text = this.#tools.strings().widget.buttons;
    const take = (): void => {
      this.clear();
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
