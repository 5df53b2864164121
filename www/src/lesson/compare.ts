/** Two runs on the same views, at the same point: what differs, in sentences that are computed. */

import { english, formatNats, formatPercent } from "clip-ttl/element";
import { COMPARABLE } from "../link.js";
import { order, stateAt, type RunState } from "./run-states.js";
import { sentence, type Part, type Sentence } from "./sentence.js";
import type { Values } from "./spec.js";
import { words } from "./words.js";

/** A run as far as it is compared. */
export interface Compared {
  readonly values: Values;
  readonly states: readonly RunState[];
}

/** In which settings `b` differs from `a`, in words. */
export function differences(a: Values, b: Values): readonly string[] {
  return COMPARABLE.filter((name) => a[name] !== b[name]).map((name) => {
    const label = english.controls.options[name].label.toLowerCase();
    return words.compare.differs(label, String(b[name]), String(a[name]));
  });
}

/** The sentences for one position of the scrubber. */
export function compare(a: Compared, b: Compared, labels: readonly string[], position: number): readonly Sentence[] {
  const [one, other] = [stateAt(a.states, position), stateAt(b.states, position)];
  const text = words.compare;
  const [first, second] = [order(one.prediction)[0] ?? 0, order(other.prediction)[0] ?? 0];
  const values: Record<string, Part> = {
    differences: differences(a.values, b.values).join("; "),
    views: String(a.values.views),
    a: { label: labels[first] ?? "" },
    b: { label: labels[second] ?? "" },
    aShare: formatPercent(one.prediction[first] ?? 0),
    bShare: formatPercent(other.prediction[second] ?? 0),
    aNorm: formatNats(together(one), 3),
    bNorm: formatNats(together(other), 3),
  };
  const parts = [text.title, first === second ? text.sameAnswer : text.otherAnswer];
  if (one.views !== null && other.views !== null) {
    parts.push(text.entropy);
    Object.assign(values, { aEntropy: formatNats(one.views.entropy, 2), bEntropy: formatNats(other.views.entropy, 2) });
  }
  if (one.norms.length > 0 && other.norms.length > 0 && position > 0) parts.push(text.norms);
  return [sentence(parts.join(" "), values)];
}

/** The norm of all changes as if they were one matrix. */
function together({ norms }: RunState): number {
  return Math.sqrt(norms.reduce((sum, { norm }) => sum + norm * norm, 0));
}
