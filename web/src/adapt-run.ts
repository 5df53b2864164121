/** A run of `adapt`, as the caller holds it: its steps as they come, and its result. */

import { RunFeed } from "./run-feed.js";
import type { AdapterFiles, EpisodeReport, StepReport, ZeroShot } from "./types.js";

/**
 * One adaptation under way. It has begun by itself; to look at its steps is optional.
 *
 * `for await (const step of run)` gives each step once it is done; leaving the loop early cancels the run.
 */
export interface AdaptRun extends AsyncIterable<StepReport> {
  /** The prediction before any step, as soon as it is known. */
  readonly zeroShot: Promise<ZeroShot>;
  /** Everything about the run, once it has ended. */
  readonly result: Promise<EpisodeReport>;
  /**
   * What the run has trained, as PEFT keeps it, once it has ended. The engine has the last run's only: ask before the next one begins.
   * Rejects with the code `adapter-gone` where it is too late, or where the run stopped before its last step; with `adapter-missing` where its
   * method trains no adapter.
   */
  adapter(): Promise<AdapterFiles>;
  /** Ends the run: what is awaited rejects with the code `cancelled`. After its end this does nothing. */
  cancel(): void;
}

/** The other side of an `AdaptRun`: what the engine's client tells it. */
export class RunController extends RunFeed<StepReport, EpisodeReport> {
  readonly run: AdaptRun;

  /** `cancel` is called at most once, and not after the end; `adapter` only after it. */
  constructor(cancel: () => void, adapter: () => Promise<AdapterFiles>) {
    super(cancel);
    this.run = { ...this.fed, adapter: () => this.fed.result.then(adapter) };
  }
}
