import assert from "node:assert/strict";
import { test } from "node:test";

import { compare } from "../../www/src/lesson/compare.js";
import { explain, type Story } from "../../www/src/lesson/explain.js";
import { largestValue, lessonRun, valuesOfReport } from "../../www/src/lesson/lesson-run.js";
import { LESSONS, recordingOf } from "../../www/src/lesson/lessons.js";
import { placeOf, shareOf } from "../../www/src/lesson/place.js";
import { ofScaledPicture, readRecording, RecordingProblem, sampleOf, writeRecording } from "../../www/src/lesson/recording.js";
import { stateAt, statesOf, weightByLabel } from "../../www/src/lesson/run-states.js";
import { plain } from "../../www/src/lesson/sentence.js";
import { otherSpec, specOf } from "../../www/src/lesson/spec.js";
import { verdict } from "../../www/src/lesson/verdict.js";
import { readPageLink } from "../../www/src/link.js";
import type { TtlReport } from "../src/types.js";
import { LABELS, reportOf, viewsOf } from "./support/reports.js";

/** The answer goes from sheep to horse, the surest views having said horse from the beginning. */
const RIGHTED = reportOf([
  [[0.45, 0.4, 0.15], [0.02, 0.97, 0.01], [0.05, 0.9, 0.05], [0.34, 0.33, 0.33]],
  [[0.35, 0.55, 0.1], [0.01, 0.98, 0.01], [0.03, 0.94, 0.03], [0.3, 0.4, 0.3]],
  [[0.2, 0.75, 0.05], [0.01, 0.985, 0.005], [0.02, 0.96, 0.02], [0.25, 0.5, 0.25]],
]);

function storyOf(report: TtlReport, right: number | null = null): Story {
  const { labels, views, options } = report;
  return { labels, states: statesOf(report), views, picture: { width: 100, height: 80 }, margin: options.margin, right };
}

const told = (report: TtlReport, updates: number, right: number | null = null): string => explain(storyOf(report, right), updates).map(plain).join("\n");

test("a run of n updates has n + 1 states, each with its views, its answer and its norms", () => {
  const states = statesOf(RIGHTED);
  assert.deepEqual(states.map(({ updates }) => updates), [0, 1, 2]);
  assert.deepEqual(states.map(({ prediction }) => prediction[1]), [0.4, 0.55, 0.75]);
  assert.deepEqual(states.map(({ norms }) => norms.map(({ norm }) => norm)), [[0, 0], [0.1, 0.25], [0.2, 0.5]]);
  assert.deepEqual(states.map(({ views }) => views?.viewLabels), [[0, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1]]);
  assert.equal(stateAt(states, 9), states[2]);
  assert.equal(stateAt(states, -1), states[0]);
});

test("a run that stopped before its views were measured again has none at its end", () => {
  const states = statesOf({ ...RIGHTED, finalState: null });
  assert.equal(states[2]?.views, null);
  assert.ok(told({ ...RIGHTED, finalState: null }, 2).includes("horse"));
});

test("before any update: the answer, the surest view with its weight, the least sure one, and where the weight lies", () => {
  const text = told(RIGHTED, 0);
  assert.match(text, /centre crop, which answers, is taken for sheep \(45\.0%\), then for horse \(40\.0%\)/);
  assert.match(text, /view 2 is the surest/);
  assert.match(text, /view 4 is the least sure/);
  const views = viewsOf([[0.45, 0.4, 0.15], [0.02, 0.97, 0.01], [0.05, 0.9, 0.05], [0.34, 0.33, 0.33]]);
  assert.ok(text.includes(`= ${views.viewWeights[1]?.toFixed(2)}, `), "the weight is the engine's");
  const share = ((weightByLabel(views, 3)[1] ?? 0) * 100).toFixed(1);
  assert.ok(text.includes(`${share}% lies on views that are taken for horse, not for the centre crop’s answer`));
});

test("after an update: what moved, and how much of the weight was with it", () => {
  const text = told(RIGHTED, 1);
  assert.match(text, /Update 1 lowered the mean entropy of the views from \d\.\d\d to \d\.\d\d nats/);
  assert.match(text, /The answer moved from sheep \(45\.0%\) to horse \(55\.0%, 40\.0% before this update\)/);
  assert.match(text, /had \d\d\.\d% of the weight, more than those for any other label/);
  assert.match(text, /2 of the 4 views are taken for another label/);
  assert.match(text, /value projection of block 10 has moved most so far: by 0\.250/);
  assert.match(told(RIGHTED, 2), /still taken for horse: 55\.0% before this update, 75\.0% after/);
  assert.match(told(RIGHTED, 2), /In all, 2 updates brought the entropy of the answer/);
});

test("an answer that moves against the weight is not explained by it", () => {
  const against = reportOf([
    [[0.5, 0.3, 0.2], [0.98, 0.01, 0.01], [0.9, 0.05, 0.05], [0.3, 0.4, 0.3]],
    [[0.35, 0.5, 0.15], [0.97, 0.02, 0.01], [0.9, 0.05, 0.05], [0.3, 0.4, 0.3]],
  ]);
  assert.match(told(against, 1), /had only \d+\.\d% of the weight/);
  assert.doesNotMatch(told(against, 1), /more than those for any other/);
});

test("a mean entropy that rises is told as it is, and so is one that hardly moves", () => {
  const worse = reportOf([[[0.9, 0.05, 0.05], [0.9, 0.05, 0.05]], [[0.6, 0.2, 0.2], [0.6, 0.2, 0.2]]]);
  assert.match(told(worse, 1), /After update 1 the mean entropy of the views is higher/);
  assert.match(told(worse, 1), /not less than the/);
  const still = reportOf([[[0.9, 0.05, 0.05], [0.9, 0.05, 0.05]], [[0.9, 0.05, 0.05], [0.9, 0.05, 0.05]]]);
  assert.match(told(still, 1), /hardly moved the mean entropy/);
});

test("a loss that rises while entropies fall is explained; one that falls isn't mentioned", () => {
  const rising = reportOf([[[0.92, 0.07, 0.01], [0.36, 0.32, 0.32]], [[0.82, 0.16, 0.02], [0.7, 0.2, 0.1]]]);
  assert.match(told(rising, 1), /The loss rose from 0\.44 to 0\.50 although the entropies fell/);
  const hardly = reportOf([[[0.34, 0.33, 0.33], [0.33, 0.34, 0.33]], [[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]]);
  assert.doesNotMatch(told(hardly, 1), /The loss rose/, "0.55 to 0.55 is no rise to tell of");
  assert.doesNotMatch(told(RIGHTED, 2), /The loss rose/);
});

test("what became of the right answer is said where it is known", () => {
  assert.match(told(RIGHTED, 2, 1), /The right answer is horse: wrong at first \(40\.0%\), right now \(75\.0%\)/);
  assert.match(told(RIGHTED, 2, 0), /right at first \(45\.0%\), and now lost to horse \(20\.0%\)/);
  assert.doesNotMatch(told(RIGHTED, 2), /right answer/);
  const states = statesOf(RIGHTED);
  const between = (from: number, to: number, right: number): string => verdict(stateAt(states, from), stateAt(states, to), right);
  assert.equal(between(1, 2, 1), "strengthened");
  assert.equal(between(2, 1, 1), "weakened");
  assert.equal(between(1, 2, 0), "surer-of-a-wrong-one");
  assert.equal(between(2, 1, 0), "less-sure-of-a-wrong-one");
});

test("labels stay labels: markup in one is a part of its own", () => {
  const report = { ...RIGHTED, labels: ["<img src=x>", "{view}", "cow"] };
  const parts = explain(storyOf(report), 0).flatMap((sentence) => sentence.parts);
  assert.ok(parts.some((part) => typeof part === "object" && "label" in part && part.label === "<img src=x>"));
  assert.ok(parts.every((part) => typeof part !== "string" || !part.includes("<")));
});

test("a crop's place is where its middle lies, and its share that of the area", () => {
  const picture = { width: 100, height: 50 };
  const at = (left: number, top: number, width: number, height: number): string => placeOf({ left, top, width, height }, picture);
  assert.equal(at(0, 0, 100, 50), "all");
  assert.equal(at(40, 20, 20, 10), "middle");
  assert.equal(at(0, 0, 20, 10), "upper-left");
  assert.equal(at(80, 40, 20, 10), "lower-right");
  assert.equal(at(40, 0, 20, 10), "upper");
  assert.equal(at(80, 20, 20, 10), "right");
  assert.equal(shareOf({ left: 0, top: 0, width: 50, height: 25 }, picture), 0.25);
});

test("two runs are compared at the same point; the one with fewer updates stays at its end", () => {
  const other = { ...reportOf([[[0.45, 0.4, 0.15], [0.02, 0.97, 0.01]], [[0.5, 0.4, 0.1], [0.01, 0.98, 0.01]]]) };
  const a = { values: valuesOfReport(RIGHTED), states: statesOf(RIGHTED) };
  const b = { values: { ...valuesOfReport(other), rank: 4 }, states: statesOf(other) };
  const text = compare(a, b, LABELS, 2).map(plain).join(" ");
  assert.match(text, /steps 1 instead of 2; rank 4 instead of 16/);
  assert.match(text, /A says horse \(75\.0%\), and B says sheep \(50\.0%\)/);
  assert.match(text, /moved by 0\.539 in A and by 0\.269 in B/);
  assert.match(compare(a, b, LABELS, 0).map(plain).join(" "), /both say sheep/);
});

test("the axis of the curves holds every value of the run", () => {
  const run = lessonRun(RIGHTED, "computed");
  const largest = largestValue(run);
  for (const { loss, entropy, marginalEntropy, predictionEntropy } of RIGHTED.steps) {
    assert.ok([loss, entropy, marginalEntropy, predictionEntropy].every((value) => value <= largest));
  }
});

test("a run that is written is read again, with its picture", () => {
  const recording = { report: RIGHTED, picture: "https://site.example/samples/horses.jpg", alt: "Horses" };
  assert.deepEqual(readRecording(writeRecording(recording)), recording);
  assert.equal(sampleOf(recording.picture), "horses.jpg");
  const own = { ...recording, picture: "data:image/jpeg;base64,AAAA" };
  assert.equal(readRecording(writeRecording(own)).picture, own.picture);
});

test("beside a smaller copy of the picture the boxes are smaller, and all else is the same", () => {
  const { views, ...rest } = ofScaledPicture(RIGHTED, 0.5, 0.25);
  assert.deepEqual(views[1], { ...RIGHTED.views[1], box: { left: 5, top: 1.25, width: 20, height: 7.5 } });
  assert.equal(views.length, RIGHTED.views.length);
  const { views: _views, ...others } = RIGHTED;
  assert.deepEqual(rest, others);
});

test("a picture that another site would be asked for is not taken", () => {
  for (const picture of ["https://elsewhere.example/pixel.png", "data:image/svg+xml;base64,AAAA", "data:text/html,x", "javascript:x", "file:///etc/passwd", 7]) {
    assert.equal(readRecording(JSON.stringify({ ...RIGHTED, picture })).picture, null);
  }
});

test("a file that is no recorded run is refused with what is wrong", () => {
  const broken = (change: object): string => JSON.stringify({ ...RIGHTED, ...change });
  const step = RIGHTED.steps[0];
  const wrong: readonly (readonly [text: string, message: RegExp])[] = [
    ["", /not JSON/],
    ["null", /not an object/],
    ["[]", /not an object/],
    ["{}", /labels is not a list/],
    [broken({ labels: ["one"] }), /fewer than two/],
    [broken({ labels: ["a", "b", 3] }), /labels\[2\] is not a text/],
    [broken({ labels: Array.from({ length: 1001 }, String) }), /more than 1000/],
    [broken({ views: [] }), /no views/],
    [broken({ views: [{ box: { left: "0" }, flip: true }] }), /views\[0\]\.box\.left/],
    [broken({ before: [{ label: "sheep" }] }), /before/],
    [broken({ steps: [{}] }), /steps\[0\]/],
    [broken({ steps: [{ ...step, viewLabels: [0, 1, 1, 3] }] }), /a label that isn’t there/],
    [broken({ steps: [{ ...step, viewWeights: [1] }] }), /viewWeights has 1 entries, not 4/],
    [broken({ steps: [{ ...step, prediction: [1, null, 0] }] }), /prediction\[1\] is not a number/],
    [broken({ steps: [{ ...step, adapterNorms: [{ block: 1, norm: 1 }] }] }), /projection/],
    [broken({ finalState: { loss: 1 } }), /finalState/],
    [broken({ beforeEntropy: "1" }), /beforeEntropy/],
    [broken({ options: {} }), /options/],
    [broken({ options: { ...RIGHTED.options, cropScale: [] } }), /options\.cropScale has 0 entries, not 2/],
    [broken({ options: { ...RIGHTED.options, cropScale: [0.1, "1"] } }), /options\.cropScale\[1\] is not a number/],
    [broken({ picture: "data:image/jpeg;base64,AAAAA" }), /picture is damaged/],
    [broken({ picture: "data:image/png;base64,AAA==" }), /picture is damaged/],
    [broken({ picture: "data:image/webp;base64,%%%%" }), /picture is damaged/],
  ];
  for (const [text, message] of wrong) {
    assert.throws(() => readRecording(text), (error) => error instanceof RecordingProblem && message.test(error.message), text.slice(0, 80));
  }
});

test("each ready lesson is a whole link without mistakes, and each of its runs has a recording", () => {
  assert.equal(LESSONS.length, 3);
  for (const { id, hash, recordings, tasks } of LESSONS) {
    const link = readPageLink(hash);
    assert.deepEqual(link.notes, [], id);
    const spec = specOf(link);
    assert.ok(spec !== null && spec.labels.length >= 2, id);
    assert.ok(recordingOf(spec)?.endsWith(recordings[0] ?? "none"), id);
    if (link.other !== null) assert.ok(recordingOf(otherSpec(spec, link.other))?.endsWith(recordings[1] ?? "none"), id);
    assert.equal(recordings.length, link.other === null ? 1 : 2, id);
    assert.equal(recordingOf({ ...spec, values: { ...spec.values, seed: 99 } }), null, "another seed is another run");
    assert.ok(tasks.length > 0, id);
  }
});
