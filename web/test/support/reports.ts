/** Reports of episodes as the engine gives them, small and consistent, for tests of what is made of them. */

import type { StepReport, TtlReport, ViewsState } from "../../src/types.js";

export const LABELS = ["sheep", "horse", "cow"] as const;

function entropyOf(probabilities: readonly number[]): number {
  return probabilities.reduce((sum, probability) => (probability > 0 ? sum - probability * Math.log(probability) : sum), 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The state of views with these predictions, computed as the engine does. */
export function viewsOf(predictions: readonly (readonly number[])[], margin = 0.4): ViewsState {
  const viewEntropies = predictions.map(entropyOf);
  const viewWeights = viewEntropies.map((entropy) => Math.exp(margin - entropy));
  const best = predictions.map((prediction) => prediction.indexOf(Math.max(...prediction)));
  const average = (predictions[0] ?? []).map((_, label) => mean(predictions.map((prediction) => prediction[label] ?? 0)));
  return {
    loss: mean(viewEntropies.map((entropy, view) => entropy * (viewWeights[view] ?? 0))),
    entropy: mean(viewEntropies),
    marginalEntropy: entropyOf(average),
    viewEntropies,
    viewWeights,
    viewLabels: best,
    viewProbabilities: predictions.map((prediction, view) => prediction[best[view] ?? 0] ?? 0),
  };
}

/** A run whose views have these predictions before any update, after the first, and so on; the first view is the one that answers. */
export function reportOf(states: readonly (readonly (readonly number[])[])[]): TtlReport {
  const answers = states.map((views) => views[0] ?? []);
  const steps = answers.slice(1).map(
    (prediction, at): StepReport => ({
      step: at + 1,
      ...viewsOf(states[at] ?? []),
      prediction,
      predictionEntropy: entropyOf(prediction),
      adapterNorms: [
        { tower: "vision", block: 9, projection: "q_proj", norm: 0.1 * (at + 1) },
        { tower: "vision", block: 9, projection: "v_proj", norm: 0.25 * (at + 1) },
      ],
      durationMs: 10,
    }),
  );
  const scores = (answer: readonly number[]): { label: string; probability: number }[] => LABELS.map((label, at) => ({ label, probability: answer[at] ?? 0 }));
  const last = viewsOf(states.at(-1) ?? []);
  const views = (states[0] ?? []).map((_, view) => ({
    box: { left: 10 * view, top: 5 * view, width: 40, height: 30 },
    flip: view % 2 === 1,
    entropyBefore: steps[0]?.viewEntropies[view] ?? null,
    entropyAfter: last.viewEntropies[view] ?? null,
    weight: steps[0]?.viewWeights[view] ?? null,
  }));
  return {
    model: "pocket",
    device: "cpu",
    deviceName: "CPU",
    method: "ttl",
    seed: 7,
    template: "a photo of a {}.",
    labels: LABELS,
    options: {
      steps: steps.length,
      learningRate: 0.005,
      views: views.length,
      cropScale: [0.08, 1],
      rank: 16,
      alpha: 32,
      layers: 3,
      targets: ["q_proj", "v_proj"],
      margin: 0.4,
      weightDecay: 0.01,
      betas: [0.9, 0.999],
      epsilon: 1e-8,
      seed: 7,
      chunkViews: 16,
    },
    before: scores(answers[0] ?? []),
    beforeEntropy: entropyOf(answers[0] ?? []),
    after: scores(answers.at(-1) ?? []),
    steps,
    finalState: last,
    views,
    warnings: [],
    stopped: null,
    timingMs: { text: 1, views: 1, trunk: 1, steps: 1, measure: 1, total: 5 },
  };
}
