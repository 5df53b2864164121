/** A run that the lesson shows, wherever it comes from. */

import type { AdapterFiles, TtlReport } from "clip-ttl";
import type { Values } from "./spec.js";
import { statesOf, type RunState } from "./run-states.js";

export interface LessonRun {
  readonly report: TtlReport;
  readonly states: readonly RunState[];
  /** `recorded` ships with the page, `computed` was run here, `opened` is a file's. */
  readonly origin: "recorded" | "computed" | "opened";
  /** What was trained; null where the run wasn't computed here. */
  readonly adapter: AdapterFiles | null;
}

export function lessonRun(report: TtlReport, origin: LessonRun["origin"], adapter: AdapterFiles | null = null): LessonRun {
  return { report, states: statesOf(report), origin, adapter };
}

/** The settings of a report as the page's controls have them. */
export function valuesOfReport({ options, seed }: TtlReport): Values {
  const { steps, learningRate, views, cropScale, rank, alpha, layers, margin } = options;
  return { steps, learningRate, views, cropScaleMin: cropScale[0], rank, alpha, layers, margin, seed };
}

/** The largest value of a run's curves, in nats. */
export function largestValue({ report, states }: LessonRun): number {
  const views = states.flatMap(({ views }) => (views === null ? [] : [views.loss, views.entropy, views.marginalEntropy]));
  return Math.max(report.beforeEntropy, ...states.map(({ predictionEntropy }) => predictionEntropy), ...views);
}
