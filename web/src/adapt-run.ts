/** A run of `adapt`, as the caller holds it: its steps as they come, and its result. */

import { Deferred } from "./deferred.js";
import type { EpisodeReport, StepReport, ZeroShot } from "./types.js";

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
  /** Ends the run: what is awaited rejects with the code `cancelled`. After its end this does nothing. */
  cancel(): void;
}

/** The other side of an `AdaptRun`: what the engine's client tells it. */
export class RunController {
  readonly run: AdaptRun;
  readonly #zeroShot = new Deferred<ZeroShot>();
  readonly #result = new Deferred<EpisodeReport>();
  readonly #steps: StepReport[] = [];
  #ended = false;
  #changed = new Deferred<void>();

  /** `cancel` is called at most once, and not after the end. */
  constructor(cancel: () => void) {
    const controller = this;
    const cancelOnce = (): void => {
      if (!controller.#ended) cancel();
    };
    this.run = {
      zeroShot: this.#zeroShot.promise,
      result: this.#result.promise,
      cancel: cancelOnce,
      async *[Symbol.asyncIterator]() {
        let index = 0;
        try {
          for (;;) {
            const step = controller.#steps[index];
            if (step !== undefined) {
              index += 1;
              yield step;
            } else if (controller.#ended) {
              await controller.#result.promise;
              return;
            } else {
              await controller.#changed.promise;
            }
          }
        } finally {
          cancelOnce();
        }
      },
    };
  }

  tellZeroShot(zeroShot: ZeroShot): void {
    this.#zeroShot.resolve(zeroShot);
  }

  tellStep(step: StepReport): void {
    this.#steps.push(step);
    this.#wake();
  }

  finish(report: EpisodeReport): void {
    this.#ended = true;
    this.#zeroShot.resolve({ probabilities: report.before.map((entry) => entry.probability), entropy: report.beforeEntropy });
    this.#result.resolve(report);
    this.#wake();
  }

  fail(error: unknown): void {
    this.#ended = true;
    this.#zeroShot.reject(error);
    this.#result.reject(error);
    this.#wake();
  }

  #wake(): void {
    const changed = this.#changed;
    this.#changed = new Deferred<void>();
    changed.resolve();
  }
}
