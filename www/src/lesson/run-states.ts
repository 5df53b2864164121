/** A run taken apart into the states that one can step through: before any update, after the first, and so on. */

import type { AdapterNorm, EpisodeReport, ViewsState } from "clip-ttl";

/** Everything that is known of one moment of a run. */
export interface RunState {
  /** How many updates it has behind it. */
  readonly updates: number;
  /** Probabilities of the centre crop, in the order of the labels. */
  readonly prediction: readonly number[];
  readonly predictionEntropy: number;
  /** The views as they are at this moment; null at the end of a run that stopped before they were measured again. */
  readonly views: ViewsState | null;
  /** How far each adapter has moved its matrix so far; all 0 before the first update, empty where nothing is known. */
  readonly norms: readonly AdapterNorm[];
}

/**
 * The states of a run, one more than it has updates. A step reports the views before its update and the prediction after it, so a state
 * takes its views from the step that follows.
 */
export function statesOf(report: EpisodeReport): readonly RunState[] {
  const { steps } = report;
  const unmoved = (steps[0]?.adapterNorms ?? []).map((entry) => ({ ...entry, norm: 0 }));
  const before: RunState = {
    updates: 0,
    prediction: report.before.map(({ probability }) => probability),
    predictionEntropy: report.beforeEntropy,
    views: steps[0] ?? report.finalState,
    norms: unmoved,
  };
  const after = steps.map(
    (step, index): RunState => ({
      updates: index + 1,
      prediction: step.prediction,
      predictionEntropy: step.predictionEntropy,
      views: steps[index + 1] ?? report.finalState,
      norms: step.adapterNorms,
    }),
  );
  return [before, ...after];
}

/** The state at a position of the scrubber; a run that has fewer stays at its last. */
export function stateAt(states: readonly RunState[], position: number): RunState {
  const state = states[Math.min(Math.max(0, position), states.length - 1)];
  if (state === undefined) throw new RangeError("a run has at least one state");
  return state;
}

/** Places of a list's values from the largest to the smallest; of equal ones the earlier comes first. */
export function order(values: readonly number[]): readonly number[] {
  return values.map((_, index) => index).sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0) || a - b);
}

/** The share of all weight that lies on views which take the picture for each label: `[labels]`, adding up to 1. */
export function weightByLabel(views: ViewsState, labelCount: number): readonly number[] {
  const shares = new Array<number>(labelCount).fill(0);
  const total = views.viewWeights.reduce((sum, weight) => sum + weight, 0);
  if (total <= 0) return shares;
  views.viewLabels.forEach((label, view) => {
    shares[label] = (shares[label] ?? 0) + (views.viewWeights[view] ?? 0) / total;
  });
  return shares;
}
