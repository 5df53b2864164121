import assert from "node:assert/strict";
import { mock, test } from "node:test";

import type { Engine } from "../src/clip_ttl.js";
import { ClipTtlError } from "../src/errors.js";
import type { WireFile, WireModel } from "../src/protocol.js";
import type { MethodDescription, OptionDescription } from "../src/types.js";
import { SourceStatisticsFile } from "../src/worker/source-statistics.js";
import { groupsOf, likeliest } from "../../www/src/compare/agreement.js";
import { formatCompareLink, readCompareLink, type CompareLink } from "../../www/src/compare/compare-link.js";
import { formatOption, isDefault, parseOption } from "../../www/src/compare/option-values.js";
import { EMPTY_LINK } from "../../www/src/link.js";

const option = (given: Partial<OptionDescription>): OptionDescription => ({ name: "x", title: "", description: "", kind: "number", default: 0, min: null, max: null, choices: [], paperDefault: null, ...given });
const steps = option({ name: "steps", kind: "integer", default: 1, min: 0, max: 1000 });
const betas = option({ name: "betas", kind: "list", default: [0.9, 0.999], min: 0, max: 0.999999 });
const targets = option({ name: "targets", kind: "list", default: ["q_proj"], choices: ["q_proj", "v_proj"] });
const templates = option({ name: "templates", kind: "list", default: [] });
const mix = option({ name: "normalisationMix", kind: "flag", default: false });
const method = (name: MethodDescription["name"], options: OptionDescription[]): MethodDescription => ({ name, title: name.toUpperCase(), paper: null, summary: "", kind: "gradient", needsStatistics: false, options });
const METHODS = [method("zero", []), method("ttl", [steps, betas, targets, templates]), method("oftta", [mix])];

test("values of options are read and written, and what an option may not have is none", () => {
  for (const [description, text, value] of [
    [steps, " 3 ", 3],
    [betas, "0.5, 0.9", [0.5, 0.9]],
    [targets, "q_proj,v_proj", ["q_proj", "v_proj"]],
    [templates, "a {}.\n\n the {}, drawn ", ["a {}.", "the {}, drawn"]],
    [templates, "", []],
    [mix, "true", true],
    [option({ kind: "choice", choices: ["a", "b"] }), "b", "b"],
    [option({ kind: "range", default: [0.08, 1], min: 0.01, max: 1 }), "0.5, 1", [0.5, 1]],
    [option({ min: 0, max: 10 }), "1e-3", 0.001],
  ] as const) {
    const read = parseOption(description, text);
    assert.deepEqual(read, value);
    assert.ok(read !== null);
    assert.deepEqual(parseOption(description, formatOption(description, read)), value);
  }
  for (const [description, text] of [
    [steps, "1.5"],
    [steps, "-1"],
    [steps, "1001"],
    [steps, ""],
    [steps, "0x10"],
    [betas, "0.9"],
    [betas, "0.9, 1"],
    [betas, "0.9, b"],
    [targets, ""],
    [targets, "k_proj"],
    [mix, "yes"],
    [option({ kind: "choice", choices: ["a", "b"] }), "c"],
    [option({ kind: "range", default: [0.08, 1], min: 0.01, max: 1 }), "1, 0.5"],
  ] as const) {
    assert.equal(parseOption(description, text), null, text);
  }
  assert.ok(isDefault(betas, [0.9, 0.999]));
  assert.ok(!isDefault(betas, [0.9, 0.99]));
});

test("a comparison's link is read as it was written, and says no defaults", () => {
  const link: CompareLink = {
    page: { ...EMPTY_LINK, picture: "horses.jpg", labels: ["cow, black", "<b>"], template: "a {}", settings: { views: 8, seed: 3 } },
    methods: ["zero", "ttl"],
    options: new Map([["ttl", { steps: 3, betas: [0.5, 0.9], templates: ["a {}, drawn", "b {}"] }]]),
  };
  const said = formatCompareLink({ ...link, options: new Map([["ttl", { ...link.options.get("ttl"), targets: ["q_proj"] }]]) }, METHODS);
  assert.ok(!said.includes("targets"), said);
  const { notes, ...read } = readCompareLink(`#${said}`, METHODS);
  assert.deepEqual(notes, []);
  assert.deepEqual(read, link);
  assert.deepEqual(readCompareLink("#methods=", METHODS).methods, []);
  assert.equal(readCompareLink("#picture", METHODS).methods, null);
});

test("what a link can't ask for is left out with a note", () => {
  const { notes, methods, options } = readCompareLink("#methods=ttl,evil&ttl.steps=1e9&ttl.color=red&zero.steps=1&evil.steps=1&steps=3", METHODS);
  assert.deepEqual(methods, ["ttl"]);
  assert.equal(options.size, 0);
  assert.equal(notes.length, 5, notes.join("\n"));
});

test("those who say the same are together, the largest group first", () => {
  const voices = [{ title: "a", label: 2 }, { title: "b", label: 0 }, { title: "c", label: 0 }, { title: "d", label: 1 }];
  assert.deepEqual(groupsOf(voices), [{ label: 0, titles: ["b", "c"] }, { label: 2, titles: ["a"] }, { label: 1, titles: ["d"] }]);
  assert.deepEqual(likeliest([0.1, 0.4, 0.4, 0.1], 3), [1, 2, 0]);
});

test("statistics that were given are used with any model, and must be there", async () => {
  const given: (Uint8Array | undefined)[] = [];
  const engine = { setStatistics: (bytes?: Uint8Array) => void given.push(bytes) } as unknown as Engine;
  const model: WireModel = { kind: "repository", name: "a/b", hub: "https://hub.example", repository: "a/b", revision: "main", weightsPath: "model.safetensors" };
  const bring = (statistics: WireFile) => new SourceStatisticsFile(model, statistics).bring(engine, new Set(), [{ method: "foa" }], new AbortController().signal);
  await bring({ kind: "data", data: Uint8Array.of(3).buffer });
  await bring({ kind: "data", data: new Blob([Uint8Array.of(4)]) });
  assert.deepEqual(given, [Uint8Array.of(3), Uint8Array.of(4)]);
  const fetching = mock.method(globalThis, "fetch", () => Promise.resolve(new Response("", { status: 404 })));
  try {
    const absent = { kind: "url", url: "https://site.example/mine.safetensors" } as const;
    await assert.rejects(bring(absent), (error) => error instanceof ClipTtlError && error.code === "http-status" && error.message.includes("mine.safetensors"));
  } finally {
    fetching.mock.restore();
  }
});

test("statistics are fetched once, of the model that ships only, and only for methods that can use them", async () => {
  const given: (Uint8Array | undefined)[] = [];
  const setStatistics = (bytes: Uint8Array): void => {
    if (bytes.length > 2) throw Object.assign(new Error("it is no file of statistics"), { code: "statistics-invalid" });
    given.push(bytes);
  };
  const engine = { setStatistics } as unknown as Engine;
  const answers = [new Response("", { status: 404 }), new Response("<!doctype html>"), new Response(Uint8Array.of(1, 2))];
  const fetching = mock.method(globalThis, "fetch", (url: URL) => {
    assert.equal(url.href, "https://site.example/models/pocket/statistics.safetensors");
    return Promise.resolve(answers.shift());
  });
  const weights = { kind: "url", url: "https://site.example/models/pocket/model.safetensors" } as const;
  const statistics = { kind: "url", url: "https://site.example/models/pocket/statistics.safetensors" } as const;
  const model: WireModel = { kind: "files", name: "pocket", config: null, preprocessor: null, weights, statistics, isGuess: false, isPackage: true };
  const needing = new Set(["prompt-align"]);
  const bring = (file: SourceStatisticsFile, method: string, options: object = {}) => file.bring(engine, needing, [{ method: "ttl" }, { method, options }], new AbortController().signal);
  try {
    const file = new SourceStatisticsFile(model, null);
    await bring(file, "oftta");
    assert.equal(fetching.mock.callCount(), 0, "nobody asked");
    await bring(file, "prompt-align");
    assert.deepEqual(given, [], "a server without them is no failure: the method says what it lacks");
    await bring(file, "foa");
    assert.deepEqual(given, [], "nor is one that answers with a page whatever it is asked for");
    await bring(file, "oftta", { normalisationMix: true });
    assert.deepEqual(given, [Uint8Array.of(1, 2)]);
    await bring(file, "foa");
    assert.equal(fetching.mock.callCount(), 3, "they are there");
    await bring(new SourceStatisticsFile({ ...model, statistics: null }, null), "prompt-align");
    assert.equal(fetching.mock.callCount(), 3, "other models have none");
    const called = AbortSignal.abort();
    fetching.mock.mockImplementation(() => Promise.reject(called.reason));
    await assert.rejects(new SourceStatisticsFile(model, null).bring(engine, needing, [{ method: "foa" }], called), (error) => error instanceof ClipTtlError && error.code === "cancelled");
  } finally {
    fetching.mock.restore();
  }
});
