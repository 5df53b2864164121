/** The recorded run as what an element shows: for as long as it is about what is asked. */

import type { EpisodeReport } from "../types.js";
import type { Poster } from "./poster.js";
import type { PosterHolder, Present } from "./poster-holder.js";

export interface RecordedRunTools {
  readonly host: { readonly poster: string };
  readonly holder: PosterHolder;
  /** What is asked now. */
  readonly present: () => Present;
  /** What is shown as known now. */
  readonly report: () => EpisodeReport | null;
  /** Shows a run. */
  readonly recall: (report: EpisodeReport) => void;
  /** Takes away what is shown. */
  readonly forget: () => void;
}

export class RecordedRun {
  readonly #tools: RecordedRunTools;
  #recalled: EpisodeReport | null = null;

  constructor(tools: RecordedRunTools) {
    this.#tools = tools;
  }

  /** Whether a run may be shown, and is about what is asked now. */
  get isAsAsked(): boolean {
    const { holder, present } = this.#tools;
    return holder.isShown && holder.isAbout(present());
  }

  /** Whether a report is that of a recorded run, and so nobody's result. */
  has(report: EpisodeReport | null): boolean {
    return report !== null && report === this.#recalled;
  }

  /** Fetches what the author names now, unless that has been done. */
  want(): void {
    const { holder, host } = this.#tools;
    holder.name(host.poster);
    holder.fetch();
  }

  /** Somebody does something: what the author has named so far is not shown any more. */
  dismiss(): void {
    const { holder, host } = this.#tools;
    holder.name(host.poster);
    holder.dismiss();
  }

  /** Shows a run that has come, unless the author asks something else: has labels of their own, say. */
  show({ report }: Poster): void {
    const { holder, present } = this.#tools;
    holder.pairWith(present().picture);
    if (this.isAsAsked) this.#recall(report);
    else holder.dismiss();
  }

  /** Keeps the run where it is what is asked; where it isn't any more, it goes. */
  settle(): void {
    const { holder, forget } = this.#tools;
    const { poster, isShown } = holder;
    const report = this.#tools.report();
    // The recording of an address that isn't named any more.
    if (this.has(report) && report !== poster?.report) forget();
    if (!isShown || poster === null) return;
    if (!this.isAsAsked) {
      holder.dismiss();
      forget();
    } else if (report !== poster.report) this.#recall(poster.report);
  }

  #recall(report: EpisodeReport): void {
    this.#recalled = report;
    this.#tools.recall(report);
  }
}
