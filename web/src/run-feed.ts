/** A run that has begun by itself, as its caller holds it: what comes piece by piece, and the result. */

import { Deferred } from "./deferred.js";
import type { LabelProbability, ZeroShot } from "./types.js";

/** What all runs have for their callers. */
export interface FedRun<Item, Report> extends AsyncIterable<Item> {
  readonly zeroShot: Promise<ZeroShot>;
  readonly result: Promise<Report>;
  cancel(): void;
}

/** What every report says of the prediction before any method. */
interface SaysBefore {
  readonly before: readonly LabelProbability[];
  readonly beforeEntropy: number;
}

/** The other side of such a run: what the engine's client tells it. */
export class RunFeed<Item, Report extends SaysBefore> {
  /** What the caller holds, or is made from. */
  readonly fed: FedRun<Item, Report>;
  readonly #zeroShot = new Deferred<ZeroShot>();
  readonly #result = new Deferred<Report>();
  readonly #items: Item[] = [];
  #ended = false;
  #changed = new Deferred<void>();

  /** `cancel` is called at most once, and not after the end. */
  constructor(cancel: () => void) {
    const feed = this;
    const cancelOnce = (): void => {
      if (!feed.#ended) cancel();
    };
    this.fed = {
      zeroShot: this.#zeroShot.promise,
      result: this.#result.promise,
      cancel: cancelOnce,
      async *[Symbol.asyncIterator]() {
        let index = 0;
        try {
          for (;;) {
            const item = feed.#items[index];
            if (item !== undefined) {
              index += 1;
              yield item;
            } else if (feed.#ended) {
              await feed.#result.promise;
              return;
            } else {
              await feed.#changed.promise;
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

  tell(item: Item): void {
    this.#items.push(item);
    this.#wake();
  }

  finish(report: Report): void {
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
