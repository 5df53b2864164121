/** An episode's views for the strip and the picture, as far as they are known while it runs. */

import type { EpisodeReport, StepReport, ViewBox } from "../types.js";
import type { ViewData } from "./view-data.js";
import type { StripView } from "./view-strip.js";

/** What an episode has told of its views so far. */
export interface EpisodeViews {
  readonly steps: readonly StepReport[];
  readonly report: EpisodeReport | null;
  /** Where the views lie: known as soon as a run begins. */
  readonly boxes: readonly ViewBox[] | null;
}

/** The views as far as they are known; null before a run has drawn them. */
export function knownViews({ report, steps, boxes }: EpisodeViews): readonly ViewData[] | null {
  if (report !== null) return report.views;
  const first = steps[0];
  const latest = steps.at(-1);
  return (
    boxes?.map((view, index) => ({
      ...view,
      entropyBefore: first?.viewEntropies[index] ?? null,
      entropyAfter: null,
      weight: latest?.viewWeights[index] ?? null,
    })) ?? null
  );
}

/** Empty frames for views whose places aren't drawn yet. */
export function emptyFrames(count: number): readonly StripView[] {
  return Array.from({ length: count }, () => ({ box: null, flip: false, entropyBefore: null, entropyAfter: null, weight: null }));
}
