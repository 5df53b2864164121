import assert from "node:assert/strict";
import { test } from "node:test";

import { coverage } from "../src/element/coverage.js";
import { entropyOf, entropySeries, lastCompleteUpdate, lastKnownUpdate, type StepMeasures } from "../src/element/entropy-series.js";
import { formatBytes, formatNats, formatPercent, formatPoints } from "../src/element/format.js";
import {
  changedOptions,
  defaultValues,
  fromSlider,
  isAllowed,
  NUMBER_OPTIONS,
  optionOfEngineName,
  toAdaptOptions,
  toSlider,
} from "../src/element/options.js";
import { rankRows, ranks, scaleTop } from "../src/element/ranking.js";
import { entropyAxisEnd, roundStep, updateScale, valueScale } from "../src/element/scale.js";

const step = (loss: number, predictionEntropy: number): StepMeasures => ({
  loss,
  entropy: loss * 2,
  marginalEntropy: loss * 3,
  predictionEntropy,
});

test("ranks count from one, and of equal probabilities the earlier label comes first", () => {
  assert.deepEqual(ranks([0.2, 0.5, 0.2, 0.1]), [2, 1, 3, 4]);
});

test("rows are sorted by what is known last: after, else before, else as written", () => {
  const labels = (before: number[] | null, after: number[] | null): number[] => rankRows(before, after, 3).map((row) => row.label);
  assert.deepEqual(labels(null, null), [0, 1, 2]);
  assert.deepEqual(labels([0.1, 0.3, 0.6], null), [2, 1, 0]);
  assert.deepEqual(labels([0.1, 0.3, 0.6], [0.7, 0.1, 0.2]), [0, 2, 1]);
  assert.deepEqual(rankRows([0.1, 0.3, 0.6], [0.7, 0.1, 0.2], 3)[0], { label: 0, before: 0.1, after: 0.7, rankBefore: 3, rankAfter: 1 });
});

test("the bars' scale is the least round one that holds every bar", () => {
  assert.equal(scaleTop(null, null), 1);
  assert.equal(scaleTop([0.001, 0.04], null), 0.05);
  assert.equal(scaleTop([0.2, 0.3], [0.4, 0.51]), 1);
});

test("entropy is 0 where one label has everything, and the logarithm of their number where all have the same", () => {
  assert.equal(entropyOf([0, 1, 0]), 0);
  assert.ok(Math.abs(entropyOf([0.25, 0.25, 0.25, 0.25]) - Math.log(4)) < 1e-12);
});

test("a step's views belong to the state before its update, its prediction to the state after", () => {
  const series = entropySeries({
    beforeEntropy: 2,
    steps: [step(0.5, 1.5), step(0.4, 1)],
    finalState: { loss: 0.3, entropy: 0.6, marginalEntropy: 0.9 },
    plannedSteps: 2,
  });
  assert.deepEqual(series.prediction, [2, 1.5, 1]);
  assert.deepEqual(series.loss, [0.5, 0.4, 0.3]);
  assert.equal(lastCompleteUpdate(series), 2);
});

test("while a run goes on, what isn't known yet is null, and the axis holds all planned updates", () => {
  const series = entropySeries({ beforeEntropy: 2, steps: [step(0.5, 1.5)], finalState: null, plannedSteps: 3 });
  assert.deepEqual(series.prediction, [2, 1.5, null, null]);
  assert.deepEqual(series.mean, [1, null, null, null]);
  assert.equal(lastKnownUpdate(series), 1);
  assert.equal(lastCompleteUpdate(series), 0);
  const nothing = entropySeries({ beforeEntropy: null, steps: [], finalState: null, plannedSteps: 1 });
  assert.equal(lastKnownUpdate(nothing), null);
});

test("axes have round ticks within their ends", () => {
  assert.equal(roundStep(2.3, 5), 0.5);
  assert.deepEqual(valueScale(2.3, 100, 0).ticks, [0, 0.5, 1, 1.5, 2]);
  assert.equal(valueScale(2, 100, 0).position(0.5), 75);
  assert.deepEqual(updateScale(1, 0, 10).ticks, [0, 1]);
  assert.deepEqual(updateScale(50, 0, 10).ticks, [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50]);
  for (const ticks of [updateScale(23, 0, 1).ticks, updateScale(7, 0, 1).ticks]) assert.ok(ticks.every(Number.isInteger));
});

test("the entropy axis ends at the logarithm of the number of labels, unless the values are far from it", () => {
  assert.equal(entropyAxisEnd(1.8, 10), Math.log(10));
  assert.ok(entropyAxisEnd(0.2, 10) < 0.5);
  assert.ok(entropyAxisEnd(3, 10) > 3);
  assert.equal(entropyAxisEnd(0, 1), 1);
});

test("coverage is 1 where the views that count most lie, and 0 where none lies", () => {
  const picture = { width: 40, height: 20 };
  const box = (left: number, top: number, width: number, height: number, weight: number) => ({ box: { left, top, width, height }, weight });
  const shares = coverage([box(0, 0, 20, 20, 1), box(10, 0, 10, 10, 3)], picture, 4, 2);
  assert.deepEqual([...shares], [0.25, 1, 0, 0, 0.25, 0.25, 0, 0]);
  assert.deepEqual([...coverage([], picture, 2, 1)], [0, 0]);
});

test("numbers are written for people", () => {
  assert.deepEqual([0, 0.0001, 0.4137, 0.9999, 1, Number.NaN].map(formatPercent), ["0.0%", "<0.1%", "41.4%", ">99.9%", "100.0%", "–"]);
  assert.deepEqual([0.368, -0.02, 0.00001, -0.00001].map(formatPoints), ["+36.8", "\u22122.0", "0.0", "0.0"]);
  assert.deepEqual([1.23456, null, 0, -0.00001].map((value) => formatNats(value)), ["1.235", "–", "0.000", "0.000"]);
  assert.deepEqual([12, 4200, 24_829_274].map(formatBytes), ["12 B", "4 kB", "24.8 MB"]);
});

test("each default is allowed, and a slider's position leads back to its value", () => {
  for (const option of NUMBER_OPTIONS) {
    assert.ok(isAllowed(option, option.default), option.name);
    assert.ok(Math.abs(fromSlider(option, toSlider(option, option.default)) - option.default) < 1e-12, option.name);
    assert.equal(isAllowed(option, option.max * 2 + 1), false, option.name);
    assert.equal(isAllowed(option, Number.NaN), false, option.name);
    if (option.isWhole) assert.equal(isAllowed(option, option.min + 0.5), false, option.name);
  }
});

test("the controls' values become the engine's options, and its option names find their control", () => {
  const values = { ...defaultValues(), steps: 3, cropScaleMin: 0.3, seed: 9 };
  const { cropScale, ...options } = toAdaptOptions(values);
  assert.deepEqual(cropScale, [0.3, 1]);
  assert.equal("device" in options, false);
  assert.deepEqual(changedOptions(values), ["steps", "cropScaleMin"]);
  assert.equal(optionOfEngineName("learning_rate"), "learningRate");
  assert.equal(optionOfEngineName("crop_scale[0]"), "cropScaleMin");
  assert.equal(optionOfEngineName("betas"), null);
});
