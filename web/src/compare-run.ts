/** A comparison of several methods, as the caller holds it. */

import type { CompareReport, MethodOutcome, ZeroShot } from "./types.js";

/**
 * One comparison under way. It has begun by itself; to look at the outcomes one by one is optional.
 *
 * `for await (const outcome of run)` gives each method's outcome once it is there, in the order in which the methods were given; leaving the
 * loop early cancels the comparison. A method that fails has its `error`, and the others go on.
 */
export interface CompareRun extends AsyncIterable<MethodOutcome> {
  /** The prediction before any method, as soon as it is known. */
  readonly zeroShot: Promise<ZeroShot>;
  /** All of it, once it has ended. */
  readonly result: Promise<CompareReport>;
  /** Ends the comparison: what is awaited rejects with the code `cancelled`. After its end this does nothing. */
  cancel(): void;
}
