/** What an adaptation did to the right answer, where somebody knows it. */

import { order, type RunState } from "./run-states.js";

export type Verdict =
  /** Wrong before, right afterwards. */
  | "corrected"
  /** Right before, wrong afterwards. */
  | "lost"
  /** Right before and afterwards; its probability rose, or fell. */
  | "strengthened"
  | "weakened"
  /** Wrong before and afterwards; the wrong answer's probability rose, or fell. */
  | "surer-of-a-wrong-one"
  | "less-sure-of-a-wrong-one";

/** Compares two states of a run; `right` is the place of the right label in the list. */
export function verdict(before: RunState, after: RunState, right: number): Verdict {
  const [first, second] = [order(before.prediction)[0] ?? 0, order(after.prediction)[0] ?? 0];
  const rises = (one: number, other: number): boolean => (after.prediction[other] ?? 0) >= (before.prediction[one] ?? 0);
  if (first === right) return second !== right ? "lost" : rises(right, right) ? "strengthened" : "weakened";
  if (second === right) return "corrected";
  return rises(first, second) ? "surer-of-a-wrong-one" : "less-sure-of-a-wrong-one";
}
