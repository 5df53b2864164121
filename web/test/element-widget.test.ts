import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { defaultValues } from "../src/element/options.js";
import { COLOURS } from "../src/element/theme.js";
import { ClipTtlError, ERROR_CODES, type ErrorCode } from "../src/errors.js";
import type { AdaptProgress, EpisodeReport, TtlOptions } from "../src/types.js";
import { answerSentence, answerText } from "../src/widget/answer.js";
import { Inputs } from "../src/widget/inputs.js";
import { registerStrings, stringsFor, watchLanguages, type PartialStrings } from "../src/widget/language.js";
import { readPoster } from "../src/widget/poster.js";
import type { PosterHolder } from "../src/widget/poster-holder.js";
import { placeOf, wayOutOf, wordsOf } from "../src/widget/problems.js";
import type { ReflectedElement } from "../src/widget/reflected-element.js";
import { scaledCss } from "../src/widget/scaled-css.js";
import { controlValues, fittingSettings, fromControls, runSettings, stepsOf, type AttributeSettings, type SettingsSources } from "../src/widget/settings.js";
import { shareOfRun, statusOf } from "../src/widget/status-line.js";
import { StepRuns, type StepTools } from "../src/widget/step-runs.js";
import { japanese } from "../src/widget/strings-ja.js";
import { english } from "../src/widget/strings.js";
import { METHODS } from "./support/methods.js";

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

/** What an engine that has these methods is asked for. */
function sent(method: string, sources: Partial<SettingsSources> = {}, settings: AttributeSettings = attributes()): TtlOptions {
  const { method: _method, ...options } = fittingSettings(runSettings(settings, method, { recorded: null, given: {}, chosen: {}, ...sources }), METHODS);
  return options;
}

test("a run gets the options that have no control too, and what the controls say counts", () => {
  const given = { weightDecay: 0.1, cropScale: [0.2, 0.9] as const, margin: 3 };
  const before = controlValues(attributes(), given, null);
  const chosen = fromControls(given, before, { ...before, margin: 2, cropScaleMin: 0.5, steps: 9 });
  assert.deepEqual(chosen, { margin: 2, cropScale: [0.5, 0.9] });
  const settings = sent("ttl", { given, chosen }, attributes({ views: 4, present: ["views"] }));
  assert.deepEqual(settings, { weightDecay: 0.1, cropScale: [0.5, 0.9], margin: 2, views: 4 });
});

test("of attributes, controls and recordings a method is sent what it has, and never a default", () => {
  const before = defaultValues();
  const chosen = fromControls({}, before, { ...before, learningRate: 0.01, rank: 4, alpha: 8, layers: 2, margin: 1, cropScaleMin: 0.5 });
  const recorded = { weightDecay: 0.1, margin: 3 };
  const asked = attributes({ steps: 2, views: 4, seed: 3, present: ["steps", "views", "seed"] });
  const all = { steps: 2, learningRate: 0.01, rank: 4, alpha: 8, layers: 2, margin: 1, weightDecay: 0.1 };
  for (const { name, options } of METHODS) {
    assert.deepEqual(sent(name), {}, name);
    const settings = sent(name, { recorded, chosen }, asked);
    const own = Object.entries(all).filter(([option]) => options.some((entry) => entry.name === option));
    assert.deepEqual(settings, { ...Object.fromEntries(own), views: 4, seed: 3, cropScale: [0.5, 1] }, name);
  }
});

test("what a script gives is sent as it is, so that the engine can say what is wrong with it", () => {
  const given = { alpha: 8, views: 2 };
  assert.deepEqual(sent("zero", { given, chosen: { alpha: 16, rank: 4 } }), { alpha: 8, views: 2 });
  assert.deepEqual(sent("tlt", { given, chosen: { rank: 4 } }, attributes({ seed: 3, present: ["seed"] })), { alpha: 8, views: 2, seed: 3 });
  assert.deepEqual(sent("ttl", { given: { rank: undefined }, recorded: { rank: 4 } }), { rank: 4 });
});

test("what was recorded is run with its method, and its settings are no other method's", () => {
  const report = { method: "tpt", options: { steps: 3, selection: 0.2, views: 8, chunkViews: 4 } };
  const inputsOf = (method: string | null): Inputs => {
    const host = { ...attributes({ present: method === null ? [] : ["method"] }), method: method ?? "ttl" };
    return new Inputs(host as unknown as ReflectedElement, { poster: { report } } as unknown as PosterHolder);
  };
  const startedWith = (inputs: Inputs) => fittingSettings(inputs.run, METHODS);
  assert.deepEqual(startedWith(inputsOf(null)), { method: "tpt", ...report.options });
  assert.deepEqual(startedWith(inputsOf("ttl")), { method: "ttl", views: 8, chunkViews: 4 });

  const inputs = inputsOf("ttl");
  inputs.options = { weightDecay: 0.1 };
  assert.equal(inputs.take({ ...inputs.values, rank: 4 }), true);
  assert.equal(inputs.take(inputs.values), false);
  assert.deepEqual(inputs.options, { weightDecay: 0.1, rank: 4 });
  assert.deepEqual(startedWith(inputs), { method: "ttl", views: 8, chunkViews: 4, weightDecay: 0.1, rank: 4 });
  inputs.options = {};
  assert.equal(inputs.values.rank, 16);
});

test("a run's number of updates is what was asked for, else the method's own", () => {
  assert.equal(stepsOf({ steps: 3 }, METHODS), 3);
  assert.equal(stepsOf({ method: "tpt" }, METHODS), 1);
  assert.equal(stepsOf({ method: "zero", steps: 3 }, METHODS), 1);
  assert.equal(stepsOf({ method: "foa" }, METHODS), 4);
  assert.equal(stepsOf({ method: "foa", methodOptions: { generations: 2 } }, METHODS), 2);
});

test("what the controls show without anything said is what TTL does without anything sent", () => {
  const ttl = METHODS.find(({ name }) => name === "ttl") ?? assert.fail("no ttl");
  const values: Readonly<Record<string, unknown>> = defaultValues();
  const shared = ttl.options.filter(({ name }) => name in values);
  assert.deepEqual(shared.map(({ name }) => name).sort(), ["alpha", "layers", "learningRate", "margin", "rank", "steps"]);
  for (const option of shared) assert.equal(option.default, values[option.name], option.name);
});

test("a number of updates that Step has raised stays with its result, and goes back where there is none", async () => {
  const host = (before: string | null) => {
    let attribute = before;
    return {
      get steps() {
        return Number(attribute ?? 1);
      },
      set steps(value) {
        attribute = String(value);
      },
      getAttribute: () => attribute,
      setAttribute: (_name: string, value: string) => void (attribute = value),
      removeAttribute: () => void (attribute = null),
    };
  };
  const runs: number[] = [];
  const runsOf = (element: ReturnType<typeof host>, error: Error | null = null, isRunning = false): StepRuns =>
    new StepRuns({
      host: element,
      run: () => {
        runs.push(element.steps);
        return error === null ? Promise.resolve({} as EpisodeReport) : Promise.reject(error);
      },
      isRunning: () => isRunning,
    } satisfies StepTools);

  const made = host(null);
  await runsOf(made).to(2, {});
  assert.equal(made.getAttribute(), "2");

  const refusal = new Error("no");
  for (const before of [null, "1"]) {
    const refused = host(before);
    await assert.rejects(runsOf(refused, refusal).to(2, {}), refusal);
    assert.equal(refused.getAttribute(), before);
  }

  const overtaken = host(null);
  await assert.rejects(runsOf(overtaken, refusal, true).to(2, {}), refusal);
  assert.equal(overtaken.getAttribute(), "2", "the run that has taken its place makes as many");

  const changed = host(null);
  const steps = runsOf(changed, refusal);
  const run = steps.to(2, {});
  changed.steps = 5;
  await assert.rejects(run, refusal);
  assert.equal(changed.steps, 5, "what somebody has set meanwhile stays");

  const failing = host(null);
  const again = runsOf(failing, refusal);
  const first = again.to(3, {});
  again.failed();
  assert.equal(failing.getAttribute(), null);
  await assert.rejects(first, refusal);
  runs.length = 0;
  await assert.rejects(again.again({}), refusal);
  again.finished();
  await assert.rejects(again.again({}), refusal);
  assert.deepEqual(runs, [3, 1], "another try makes what has failed");
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
  assert.equal(poster.report.method, "ttl");
});

test("what is no recorded run is refused, saying what is wrong", () => {
  const url = new URL("https://example.org/one.json");
  const wrong: [unknown, RegExp][] = [
    [[], /not an object/],
    [{ ...RECORDED, labels: "cat" }, /labels/],
    [{ ...RECORDED, template: 3 }, /template/],
    [{ ...RECORDED, method: 3 }, /method/],
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
