import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { COLOURS } from "../src/element/theme.js";
import { ClipTtlError, ERROR_CODES, type ErrorCode } from "../src/errors.js";
import type { AdaptProgress } from "../src/types.js";
import { answerSentence, answerText } from "../src/widget/answer.js";
import { registerStrings, stringsFor, watchLanguages, type PartialStrings } from "../src/widget/language.js";
import { readPoster } from "../src/widget/poster.js";
import { placeOf, wayOutOf, wordsOf } from "../src/widget/problems.js";
import { scaledCss } from "../src/widget/scaled-css.js";
import { controlValues, fromControls, runSettings, type AttributeSettings } from "../src/widget/settings.js";
import { shareOfRun, statusOf } from "../src/widget/status-line.js";
import { japanese } from "../src/widget/strings-ja.js";
import { english } from "../src/widget/strings.js";

test("the answer names what the model said before, and what it says after", () => {
  const labels = ["sheep", "horse"];
  assert.equal(answerText({ labels, before: null, after: null, updates: 0 }, english), "The answer appears here.");
  assert.equal(answerText({ labels, before: [0.6, 0.4], after: null, updates: 0 }, english), "Before adapting, the answer is sheep (60.0%).");
  assert.equal(answerText({ labels, before: [0.6, 0.4], after: [0.2, 0.8], updates: 2 }, english), "The answer changed from sheep (60.0%) to horse (80.0%) after 2 updates.");
  assert.equal(answerText({ labels, before: [0.6, 0.4], after: [0.7, 0.3], updates: 1 }, english), "The answer stays sheep: 60.0% before, 70.0% after 1 update.");
});

test("a label that looks like markup or like a place in the sentence stays a label", () => {
  const labels = ["<b>{after}</b>", "dog"];
  const parts = answerSentence({ labels, before: [0.9, 0.1], after: [0.8, 0.2], updates: 1 }, english);
  assert.deepEqual(parts.filter((part) => part.isLabel), [{ text: "<b>{after}</b>", isLabel: true }]);
});

test("a language is found by its tag or the start of it, else it is English", () => {
  assert.equal(stringsFor("ja-JP"), japanese);
  assert.equal(stringsFor("JA"), japanese);
  assert.equal(stringsFor("xx-YY"), english);
  assert.equal(stringsFor(""), english);
});

test("a registered language may be partial, is told at once, and can be as special as a region", () => {
  let told = 0;
  const unwatch = watchLanguages(() => (told += 1));
  registerStrings("de", { widget: { buttons: { run: "Los" } }, bars: { before: "Vorher" } });
  registerStrings("de-CH", { widget: { buttons: { run: "Hopp" } } });
  assert.equal(told, 2);
  unwatch();
  registerStrings("fr", {});
  assert.equal(told, 2);
  assert.equal(stringsFor("de-AT").widget.buttons.run, "Los");
  assert.equal(stringsFor("de-AT").bars.before, "Vorher");
  assert.equal(stringsFor("de-AT").widget.buttons.cancel, english.widget.buttons.cancel);
  assert.equal(stringsFor("de-AT").widget.answer.updates(2), "2 updates");
  assert.equal(stringsFor("de-CH").widget.buttons.run, "Hopp");
});

test("Japanese has every text that English has, of the same kind", () => {
  const kinds = (group: object): unknown =>
    Object.fromEntries(
      Object.entries(group)
        .sort(([one], [other]) => one.localeCompare(other))
        .map(([key, value]: [string, unknown]) => [key, typeof value === "object" && value !== null ? kinds(value) : typeof value]),
    );
  const withoutErrors = (strings: typeof english): unknown => kinds({ ...strings, widget: { ...strings.widget, errors: {} } });
  assert.deepEqual(withoutErrors(japanese), withoutErrors(english));
});

/** Errors that no element shows. */
const NEVER_SHOWN: readonly ErrorCode[] = [
  // Somebody has called it off: that is no error.
  "cancelled",
  // An element asks for no adapters, and takes none; it replays no episodes, compares no features, and doesn't manage the storage.
  "adapter-invalid",
  "adapter-missing",
  "adapter-gone",
  "recording-invalid",
  "features-invalid",
  "storage-unavailable",
  // It hands over pixels as the browser gives them, loads before it asks, and each request waits for its turn.
  "picture-pixels",
  "model-missing",
  "engine-busy",
  "episode-running",
  "episode-over",
];

test("Japanese has words for every error that an element can show", () => {
  const shown = ERROR_CODES.filter((code) => !NEVER_SHOWN.includes(code));
  assert.deepEqual(Object.keys(japanese.widget.errors).sort(), [...shown].sort());
  for (const [code, words] of Object.entries(japanese.widget.errors)) assert.match(words, /[ぁ-ん]/, code);
});

test("words for an error can say what is wrong in the engine's own words, whatever is in them", () => {
  assert.match(wordsOf(new ClipTtlError("unknown", "it costs {reason} $& $1"), japanese), /（it costs \{reason\} \$& \$1）/);
});

test("what the documentation registers is a text that there is, and is spoken", async () => {
  const text = await readFile(join(process.cwd(), "../www/docs/element.md"), "utf8");
  const [, lang, source] = /registerStrings\("([\w-]+)", (\{.+\})\);/.exec(text) ?? assert.fail("no example of registerStrings");
  // The documentation is this repository's own.
  const strings = new Function(`return ${String(source)};`)() as PartialStrings;
  registerStrings(String(lang), strings);
  const changed = (value: object, base: object, path: string): string[] =>
    Object.entries(value).flatMap(([key, entry]: [string, unknown]) => {
      const original: unknown = Reflect.get(base, key);
      assert.equal(typeof entry, typeof original, `${path}${key} is no text of the element's`);
      return typeof entry === "object" && entry !== null ? changed(entry, original as object, `${path}${key}.`) : [`${path}${key}`];
    });
  assert.deepEqual(changed(strings, english, ""), ["widget.buttons.run"]);
  assert.equal(stringsFor(String(lang)).widget.buttons.run, "Los");
  // @ts-expect-error A text outside its group would never be spoken.
  const misplaced: PartialStrings = { run: "Los" };
  for (const name of Object.keys(misplaced)) assert.ok(!(name in english), name);
});

test("lengths count in the element's unit, conditions in the container's text", () => {
  const css = scaledCss(".a { margin: -0.5rem 1rem 12px; font: 400 1rem/1.5 serif; } @container (inline-size < 34rem) { .a { gap: 2rem; } }");
  assert.equal(
    css,
    ".a { margin: calc(-0.5 * var(--clip-rem)) calc(1 * var(--clip-rem)) 12px; font: 400 calc(1 * var(--clip-rem))/1.5 serif; } " +
      "@container (inline-size < 34em) { .a { gap: calc(2 * var(--clip-rem)); } }",
  );
});

const attributes = (values: Partial<AttributeSettings> & { readonly present?: readonly string[] } = {}): AttributeSettings => ({
  steps: 1,
  views: 64,
  seed: 0,
  device: "auto",
  method: "ttl",
  hasAttribute: (name) => values.present?.includes(name) ?? false,
  ...values,
});

test("settings come from the attributes, else from the script, else from the recording, else from the paper", () => {
  const recorded = { steps: 7, views: 8, rank: 2, margin: 1 };
  const values = controlValues(attributes({ steps: 3, present: ["steps"] }), { rank: 4, steps: 9 }, recorded);
  assert.equal(values.steps, 3);
  assert.equal(values.views, 8);
  assert.equal(values.rank, 4);
  assert.equal(values.margin, 1);
  assert.equal(values.alpha, 32);
});

test("a run gets the options that have no control too, and what the controls say counts", () => {
  const given = { weightDecay: 0.1, cropScale: [0.2, 0.9] as const };
  const settings = runSettings(attributes({ method: "tpt", views: 4, present: ["views"] }), given, null);
  assert.deepEqual(settings.cropScale, [0.2, 0.9]);
  assert.equal(settings.weightDecay, 0.1);
  assert.equal(settings.views, 4);
  assert.equal(settings.method, "tpt");
  const moved = fromControls(given, { ...controlValues(attributes(), given, null), margin: 2, cropScaleMin: 0.5, steps: 9 });
  assert.deepEqual(moved.cropScale, [0.5, 0.9]);
  assert.equal(moved.margin, 2);
  assert.equal("steps" in moved, false);
});

test("how far a run is only ever grows, from the first view to the last", () => {
  const stages: AdaptProgress[] = [
    { stage: "encoding", viewsDone: 2, viewsTotal: 4 },
    { stage: "encoding", viewsDone: 4, viewsTotal: 4 },
    { stage: "stepping", step: 1, steps: 2, viewsDone: 2, viewsTotal: 4 },
    { stage: "stepping", step: 1, steps: 2, viewsDone: 4, viewsTotal: 4 },
    { stage: "stepping", step: 2, steps: 2, viewsDone: 4, viewsTotal: 4 },
    { stage: "measuring", viewsDone: 2, viewsTotal: 4 },
    { stage: "measuring", viewsDone: 4, viewsTotal: 4 },
  ];
  const shares = stages.map((stage) => shareOfRun(stage, 2) ?? -1);
  assert.deepEqual(shares, [...shares].sort((a, b) => a - b));
  assert.ok(shares.every((share) => share > 0 && share <= 1));
  assert.equal(shares.at(-1), 1);
  assert.equal(shareOfRun({ stage: "queued" }, 2), null);
});

test("what goes on is said in words", () => {
  assert.equal(statusOf({ kind: "idle" }, english), null);
  const load = { stage: "download", loadedBytes: 5_000_000, totalBytes: 20_000_000, files: [], weights: null, retry: null, warnings: [] } as const;
  assert.deepEqual(statusOf({ kind: "loading", progress: load, next: "run" }, english), { words: "Loading the model: 5.0 MB of 20.0 MB", share: 0.25 });
  const queued = { kind: "running", progress: { stage: "queued" }, steps: 1 } as const;
  assert.deepEqual(statusOf(queued, english), { words: "Waiting for another run on this page …", share: null });
});

test("an error goes to the place that it is about, with a way out where there is one", () => {
  assert.deepEqual(placeOf(new ClipTtlError("label-duplicate", "twice")), { kind: "labels" });
  assert.deepEqual(placeOf(new ClipTtlError("template-invalid", "no place")), { kind: "template" });
  assert.deepEqual(placeOf(new ClipTtlError("option-invalid", "too many", { option: "learning_rate" })), { kind: "option", option: "learningRate" });
  assert.deepEqual(placeOf(new ClipTtlError("network", "no answer")), { kind: "run" });
  assert.equal(wayOutOf(new ClipTtlError("device-lost", "gone"), "auto"), "cpu");
  assert.equal(wayOutOf(new ClipTtlError("device-lost", "gone"), "cpu"), "again");
  assert.equal(wayOutOf(new ClipTtlError("worker-failed", "no worker"), "auto"), "again");
  assert.equal(wayOutOf(new ClipTtlError("picture-corrupt", "broken"), "auto"), null);
  assert.match(wordsOf(new ClipTtlError("network", "no answer"), english), /^No answer\. Check the address/);
  assert.match(wordsOf(new ClipTtlError("network", "no answer"), japanese), /^読み込めませんでした/);
});

const RECORDED = {
  labels: ["cat", "dog"],
  before: [{ label: "cat", probability: 0.4 }, { label: "dog", probability: 0.6 }],
  after: [{ label: "cat", probability: 0.7 }, { label: "dog", probability: 0.3 }],
  beforeEntropy: 0.67,
  steps: [{ step: 1, prediction: [0.7, 0.3], viewEntropies: [0.5], viewWeights: [1] }],
  views: [{ box: { left: 0, top: 0, width: 1, height: 1 }, flip: false }],
  picture: "../cat.png",
  alt: "A cat",
};

test("a recorded run's picture lies where its address says, counted from the recording", () => {
  const poster = readPoster(RECORDED, new URL("https://example.org/runs/one.json"));
  assert.equal(poster.picture, "https://example.org/cat.png");
  assert.equal(poster.alt, "A cat");
  assert.deepEqual(poster.report.labels, ["cat", "dog"]);
  // What is asked now is held against it.
  assert.equal(poster.report.template, "a photo of a {}.");
});

test("what is no recorded run is refused, saying what is wrong", () => {
  const url = new URL("https://example.org/one.json");
  const wrong: [unknown, RegExp][] = [
    [[], /not an object/],
    [{ ...RECORDED, labels: "cat" }, /labels/],
    [{ ...RECORDED, template: 3 }, /template/],
    [{ ...RECORDED, after: RECORDED.after.slice(1) }, /before and after/],
    [{ ...RECORDED, steps: [{ step: 1 }] }, /steps/],
    [{ ...RECORDED, views: null }, /views/],
    [{ ...RECORDED, beforeEntropy: "much" }, /beforeEntropy/],
  ];
  for (const [value, message] of wrong) assert.throws(() => readPoster(value, url), message);
});

test("each colour of light surroundings has one for dark ones", () => {
  for (const [name, [light, dark]] of Object.entries(COLOURS)) {
    assert.match(light, /^#[0-9a-f]{6}$/, name);
    assert.match(dark, /^#[0-9a-f]{6}$/, name);
  }
});
