/** What an element can ask its engine now, and what stops it. */

import { ClipTtlError } from "../errors.js";
import type { Inputs } from "./inputs.js";
import type { PictureHolder } from "./picture-holder.js";
import type { ProblemDesk } from "./problem-desk.js";
import { missingFor, questionOf, type Asked } from "./question.js";
import type { ReflectedElement } from "./reflected-element.js";
import type { Question } from "./session.js";
import type { WidgetView } from "./widget-view.js";

export interface AskingTools {
  readonly host: ReflectedElement;
  readonly inputs: Inputs;
  readonly holder: PictureHolder;
  readonly problems: ProblemDesk;
  readonly view: () => WidgetView;
}

export class Asking {
  readonly #tools: AskingTools;

  constructor(tools: AskingTools) {
    this.#tools = tools;
  }

  /** What can be asked, or null. */
  get question(): Question | null {
    return questionOf(this.#asked);
  }

  /** What can be adapted to; where something is missing, that is said, and the focus put there if somebody waits for it. */
  checked(takesFocus: boolean): Question {
    const { host, problems, view } = this.#tools;
    const missing = missingFor(this.#asked);
    if (missing !== null) throw problems.refuse(missing, takesFocus);
    const invalid = view().controls.firstInvalid;
    if (invalid !== null && host.controls) throw problems.refuseSetting(invalid, takesFocus);
    const { question } = this;
    if (question === null) throw new ClipTtlError("argument-invalid", "there is nothing to ask");
    return question;
  }

  get #asked(): Asked {
    const { holder, inputs } = this.#tools;
    return { picture: holder.picture, labels: inputs.labels, template: inputs.template };
  }
}
