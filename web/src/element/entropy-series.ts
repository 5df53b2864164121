/** The four curves of the plot, put together from what an episode reports. All values are in nats. */

import type { StepReport, ViewsSummary } from "../types.js";

/** Curves in the order of the legend. */
export const SERIES = ["prediction", "mean", "marginal", "loss"] as const;
export type SeriesName = (typeof SERIES)[number];

/** For each curve its value after 0, 1, ... n updates; null where it isn't known (yet). */
export type EntropySeries = Readonly<Record<SeriesName, readonly (number | null)[]>>;

/** Of a step's report, what the plot shows: the views' figures are measured before its update, the prediction's after it. */
export type StepMeasures = Pick<StepReport, keyof ViewsSummary | "predictionEntropy">;

export interface EpisodeMeasures {
  /** Entropy of the zero-shot prediction, or null while unknown. */
  readonly beforeEntropy: number | null;
  /** The steps made so far. */
  readonly steps: readonly StepMeasures[];
  /** The views measured once more after the last update, or null while unknown. */
  readonly finalState: ViewsSummary | null;
  /** How many updates are planned: the right end of the plot. */
  readonly plannedSteps: number;
}

/**
 * Curves over the number of updates done. A step measures the views before its update, so step k of the report (from 1)
 * gives the views' values after k - 1 updates, and the prediction's entropy after k.
 */
export function entropySeries(episode: EpisodeMeasures): EntropySeries {
  const { steps, finalState } = episode;
  const last = Math.max(episode.plannedSteps, steps.length);
  const counts = Array.from({ length: last + 1 }, (_, update) => update);
  const ofViews = (key: keyof ViewsSummary): (number | null)[] =>
    counts.map((update) => steps[update]?.[key] ?? (update === steps.length ? (finalState?.[key] ?? null) : null));
  return {
    prediction: counts.map((update) => (update === 0 ? episode.beforeEntropy : (steps[update - 1]?.predictionEntropy ?? null))),
    mean: ofViews("entropy"),
    marginal: ofViews("marginalEntropy"),
    loss: ofViews("loss"),
  };
}

/** The largest number of updates for which any curve has a value, or null where none has. */
export function lastKnownUpdate(series: EntropySeries): number | null {
  return lastUpdate(series, (isKnown) => SERIES.some(isKnown));
}

/** The largest number of updates for which every curve has a value; while a run goes on, the views' lag behind the prediction's. */
export function lastCompleteUpdate(series: EntropySeries): number | null {
  return lastUpdate(series, (isKnown) => SERIES.every(isKnown));
}

function lastUpdate(series: EntropySeries, holds: (isKnown: (name: SeriesName) => boolean) => boolean): number | null {
  for (let update = series.prediction.length - 1; update >= 0; update -= 1) {
    if (holds((name) => (series[name][update] ?? null) !== null)) return update;
  }
  return null;
}

/** Entropy of a distribution in nats. */
export function entropyOf(probabilities: readonly number[]): number {
  return probabilities.reduce((sum, probability) => (probability > 0 ? sum - probability * Math.log(probability) : sum), 0);
}
