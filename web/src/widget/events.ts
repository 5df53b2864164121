/** What an element tells. All events bubble, and leave the shadow roots that the element is in. */

import type { ClipTtlError, ErrorCode } from "../errors.js";
import type { LoadProgress } from "../load-types.js";
import type { AdaptProgress, EpisodeReport, StepReport } from "../types.js";

/** How far loading, or a run, has come. `share` is from 0 to 1, null where it can't be told. */
export type ClipTtlProgress =
  | { readonly phase: "load"; readonly share: number | null; readonly load: LoadProgress }
  | { readonly phase: "run"; readonly share: number | null; readonly run: AdaptProgress };

/** A step as it is done, with the labels that its prediction is about. */
export interface ClipTtlStep {
  readonly step: StepReport;
  /** Number of steps of this run. */
  readonly steps: number;
  readonly labels: readonly string[];
}

/** A finished run. */
export interface ClipTtlResult {
  readonly report: EpisodeReport;
}

/** What went wrong. A run that was called off is nothing of the kind. */
export interface ClipTtlFailure {
  readonly error: ClipTtlError;
  readonly code: ErrorCode;
  /** What went wrong, and what one can do about it, in the element's language as far as it has words for it. */
  readonly message: string;
}

/** The details of the element's own events, by their names. */
export interface ClipTtlEventDetails {
  readonly progress: ClipTtlProgress;
  readonly step: ClipTtlStep;
  readonly result: ClipTtlResult;
  readonly error: ClipTtlFailure;
}

/** All events of the element. Its `progress` and `error` are its own: it never sends the browser's events of these names. */
export type ClipTtlEventMap = Omit<HTMLElementEventMap, keyof ClipTtlEventDetails> & {
  readonly [Name in keyof ClipTtlEventDetails]: CustomEvent<ClipTtlEventDetails[Name]>;
};

/** Sends one of the element's events. */
export function tell<Name extends keyof ClipTtlEventDetails>(target: EventTarget, name: Name, detail: ClipTtlEventDetails[Name]): void {
  target.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
}
