/** What an element says beside its results: the line of status, and what is read out to those who don't see it. */

import { formatNats } from "../element/format.js";
import type { EpisodeReport } from "../types.js";
import type { Activity } from "./session.js";
import { statusOf, type StatusLine } from "./status-line.js";
import type { ElementStrings, Words } from "./strings.js";

export interface NarratorTools {
  readonly strings: () => ElementStrings;
  /** Reads words out. */
  readonly announce: (words: string) => void;
}

export class Narrator {
  readonly #tools: NarratorTools;
  /** What the line of status says while nothing goes on: words that another language says anew. */
  note: Words | null = null;
  /** Whether a person has used the element: only then it speaks. */
  isHeard = false;

  constructor(tools: NarratorTools) {
    this.#tools = tools;
  }

  say(words: Words): void {
    if (this.isHeard) this.#tools.announce(words(this.#tools.strings()));
  }

  /** A run has ended, with this answer. */
  sayResult({ steps, timingMs, device, beforeEntropy }: EpisodeReport, answer: Words): void {
    this.note = ({ widget }) => widget.status.done(steps.length, timingMs.total, device === "cpu");
    const after = steps.at(-1)?.predictionEntropy ?? beforeEntropy;
    this.say((strings) => `${answer(strings)} ${strings.widget.announce.entropy(formatNats(beforeEntropy), formatNats(after))}`);
  }

  /** The line of status: what goes on; else that a run waits for its picture; else the note. */
  status(activity: Activity, isWaiting: boolean): StatusLine {
    const strings = this.#tools.strings();
    const waiting = isWaiting ? { words: strings.widget.status.picture, share: null } : null;
    return statusOf(activity, strings) ?? waiting ?? { words: this.note?.(strings) ?? "", share: undefined };
  }
}
