/** Runs episodes for the lesson, one after another, with the engine of this browser. */

import type { AdaptProgress, AdaptRun, TtlReport } from "clip-ttl";
import type { EngineHost } from "../engine-host.js";
import { lessonRun, type LessonRun } from "./lesson-run.js";
import type { RunSpec } from "./spec.js";

export class Runner {
  readonly #host: EngineHost;
  #run: AdaptRun | null = null;
  /** Counts runs, so that one which was called off while the engine was loading doesn't begin. */
  #turn = 0;

  constructor(host: EngineHost) {
    this.#host = host;
  }

  /**
   * Runs an episode to its end, and takes what it has trained along.
   * @returns null where it was called off
   */
  async run(picture: Blob, { labels, template, values }: RunSpec, onProgress: (progress: AdaptProgress) => void): Promise<LessonRun | null> {
    const turn = this.cancel();
    const clip = await this.#host.ready();
    if (turn !== this.#turn) return null;
    const { cropScaleMin, ...settings } = values;
    const run = clip.adapt(picture, labels, { ...settings, cropScale: [cropScaleMin, 1], template, onProgress });
    this.#run = run;
    try {
      const report = (await run.result) as TtlReport;
      // A run that stopped early has trained nothing that would be worth keeping.
      const adapter = report.stopped === null ? await run.adapter() : null;
      return turn === this.#turn ? lessonRun(report, "computed", adapter) : null;
    } catch (error) {
      if (turn !== this.#turn) return null;
      throw error;
    } finally {
      if (this.#run === run) this.#run = null;
    }
  }

  /** Calls the present run off, if there is one. */
  cancel(): number {
    this.#turn += 1;
    this.#run?.cancel();
    this.#run = null;
    return this.#turn;
  }
}
