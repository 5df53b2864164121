/** Runs of one update more: the element's number of updates is raised for them, and is what it was before where nothing comes of it. */

import type { EpisodeReport } from "../types.js";
import type { ReflectedElement } from "./reflected-element.js";

/** Who has asked for a run. */
export interface Caller {
  /** Whether somebody has pressed a button for it: the focus goes to what is missing then. Scripts leave it where it is. */
  readonly takesFocus?: boolean;
}

export interface StepTools {
  readonly host: Pick<ReflectedElement, "steps" | "getAttribute" | "setAttribute" | "removeAttribute">;
  readonly run: (caller: Caller) => Promise<EpisodeReport>;
  /** Whether a run was asked for and has not ended. */
  readonly isRunning: () => boolean;
}

interface Raised {
  readonly steps: number;
  /** The attribute before; null where there was none. */
  readonly before: string | null;
}

export class StepRuns {
  readonly #tools: StepTools;
  /** What was changed for the run that goes on. */
  #raised: Raised | null = null;
  /** Number of updates that could not be made; null where no step has failed. */
  #failed: number | null = null;

  constructor(tools: StepTools) {
    this.#tools = tools;
  }

  /** Runs with this number of updates, which is the element's from then on. */
  async to(steps: number, caller: Caller): Promise<EpisodeReport> {
    const { host, run, isRunning } = this.#tools;
    const raised = { steps, before: host.getAttribute("steps") };
    this.#raised = raised;
    host.steps = steps;
    try {
      return await run(caller);
    } catch (error) {
      // Another run that has taken its place makes that many.
      if (!isRunning()) this.#takeBack(raised);
      throw error;
    } finally {
      if (this.#raised === raised) this.#raised = null;
    }
  }

  /** A run has failed. To be called before that is shown: the number goes back, and with it the controls are written anew. */
  failed(): void {
    this.#failed = this.#raised?.steps ?? null;
    if (this.#raised !== null) this.#takeBack(this.#raised);
  }

  /** A run has ended well. */
  finished(): void {
    this.#failed = null;
  }

  /** Does again what has failed. */
  again(caller: Caller): Promise<EpisodeReport> {
    return this.#failed === null ? this.#tools.run(caller) : this.to(this.#failed, caller);
  }

  /** A number that somebody has set meanwhile stays. */
  #takeBack({ steps, before }: Raised): void {
    const { host } = this.#tools;
    if (host.steps !== steps) return;
    if (before === null) host.removeAttribute("steps");
    else host.setAttribute("steps", before);
  }
}
