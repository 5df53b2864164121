import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { RunController } from "../src/adapt-run.js";
import { cancelled, ClipTtlError } from "../src/errors.js";
import type { LoadProgress } from "../src/load-types.js";
import type { AdaptOptions, EpisodeReport, StepReport } from "../src/types.js";
import { Session, type Question } from "../src/widget/session.js";
import { SharedEngines, type EngineLike, type EngineRequest } from "../src/widget/shared-engines.js";
import { METHODS } from "./support/methods.js";

const REQUEST: EngineRequest = { model: "pocket", dtype: "auto", device: "auto", assetBase: null };
const QUESTION: Question = { picture: "cat.png", labels: ["cat", "dog"], template: "a photo of a {}." };
const PROGRESS: LoadProgress = { stage: "download", loadedBytes: 1, totalBytes: 4, files: [], weights: null, retry: null, warnings: [] };

/** An engine whose answers the test gives. */
class FakeEngine {
  readonly runs: { readonly controller: RunController; readonly options: AdaptOptions }[] = [];
  isDisposed = false;
  readonly engine = {
    closed: null,
    device: { kind: "cpu", name: "CPU", software: false },
    classify: () => Promise.resolve([{ label: "dog", score: 0.75 }, { label: "cat", score: 0.25 }]),
    adapt: (_image: unknown, _labels: unknown, options: AdaptOptions) => {
      const controller = new RunController(
        () => undefined,
        () => Promise.reject(new Error("no adapter")),
      );
      options.signal?.addEventListener("abort", () => controller.fail(cancelled("The run")));
      this.runs.push({ controller, options });
      if (this.engine.closed !== null) controller.fail(this.engine.closed);
      return controller.run;
    },
    methods: () => Promise.resolve(METHODS),
    dispose: () => (this.isDisposed = true),
  } as unknown as EngineLike;

  /** Ends it, whether something is asked of it or not. */
  crash(): void {
    const error = new ClipTtlError("engine-crashed", "it stopped");
    Object.assign(this.engine, { closed: error });
    for (const { controller } of this.runs) controller.fail(error);
  }
}

function engines(keepMs = 0): { readonly shared: SharedEngines; readonly made: FakeEngine[] } {
  const made: FakeEngine[] = [];
  const shared = new SharedEngines((_request, { onProgress }) => {
    const fake = new FakeEngine();
    made.push(fake);
    onProgress(PROGRESS);
    return Promise.resolve(fake.engine);
  }, keepMs);
  return { shared, made };
}

function session(shared: SharedEngines): { readonly session: Session; readonly told: string[] } {
  const told: string[] = [];
  const note =
    (name: string) =>
    (value?: unknown): void =>
      void told.push(value instanceof ClipTtlError ? `${name} ${value.code}` : name);
  const listener = { changed: () => undefined, began: () => undefined, loading: note("loading"), progressed: note("progressed"), classified: note("classified"), stepped: note("stepped"), finished: note("finished"), failed: note("failed") };
  return { session: new Session(shared, listener), told };
}

const step = (number: number): StepReport => ({ step: number, prediction: [0.9, 0.1], predictionEntropy: 0.3 }) as unknown as StepReport;
const report = (steps: number): EpisodeReport =>
  ({
    labels: QUESTION.labels,
    before: [{ label: "cat", probability: 0.25 }, { label: "dog", probability: 0.75 }],
    beforeEntropy: 0.56,
    steps: Array.from({ length: steps }, (_, index) => step(index + 1)),
    views: [],
  }) as unknown as EpisodeReport;

/** Whether an engine was disposed of, in the end: this waits for it. */
async function isDisposedSoon(fake: FakeEngine | undefined): Promise<boolean> {
  for (let waits = 0; waits < 500 && fake?.isDisposed === false; waits += 1) await sleep(10);
  return fake?.isDisposed ?? false;
}

/** Lets everything that waits for nothing but its turn happen. */
const settled = (): Promise<void> => sleep(5);

test("a run loads the engine, tells its steps in turn, and ends with its report", async () => {
  const { shared, made } = engines();
  const { session: one, told } = session(shared);
  const result = one.run(REQUEST, QUESTION, { steps: 2 });
  assert.equal(one.isRunning, true);
  await settled();
  const { controller, options } = made[0]?.runs[0] ?? assert.fail("no run was started");
  assert.equal(options.template, QUESTION.template);
  controller.tellZeroShot({ probabilities: [0.25, 0.75], entropy: 0.56 });
  controller.tell(step(1));
  await settled();
  assert.deepEqual(one.knowledge.before, [0.25, 0.75]);
  assert.equal(one.knowledge.steps.length, 1);
  controller.tell(step(2));
  controller.finish(report(2));
  assert.equal((await result).steps.length, 2);
  await settled();
  // The engine tells no progress here; that all is done is told for its end.
  assert.deepEqual(told, ["loading", "stepped", "stepped", "progressed", "finished"]);
  assert.equal(one.isRunning, false);
});

test("of what is wished for, a run gets what its method has", async () => {
  const { shared, made } = engines();
  const { session: one } = session(shared);
  const wishes = { steps: 3, rank: 4, views: 8 };
  const result = one.run(REQUEST, QUESTION, { method: "tpt", margin: 1, wishes });
  await settled();
  const { controller, options } = made[0]?.runs[0] ?? assert.fail("no run was started");
  const { signal: _signal, onProgress: _onProgress, ...sent } = options;
  assert.deepEqual(sent, { method: "tpt", margin: 1, steps: 3, views: 8, template: QUESTION.template });
  assert.deepEqual(one.activity, { kind: "running", progress: null, steps: 3 });
  controller.finish(report(3));
  await result;
});

test("a cancelled run brings back the result from before, and tells no error", async () => {
  const { shared, made } = engines();
  const { session: one, told } = session(shared);
  const first = one.run(REQUEST, QUESTION, { steps: 1 });
  await settled();
  made[0]?.runs[0]?.controller.finish(report(1));
  await first;
  const second = one.run(REQUEST, QUESTION, { steps: 3 });
  await settled();
  const reported = (): number => one.knowledge.report?.steps.length ?? 0;
  assert.equal(reported(), 0);
  one.cancel();
  await assert.rejects(second, { code: "cancelled" });
  assert.equal(reported(), 1);
  assert.equal(made[0]?.runs[1]?.options.signal?.aborted, true);
  assert.ok(!told.some((entry) => entry.startsWith("failed")));
});

test("a run that is begun again and then called off brings back the result from before the first", async () => {
  const { shared, made } = engines();
  const { session: one } = session(shared);
  const first = one.run(REQUEST, QUESTION, { steps: 1 });
  await settled();
  made[0]?.runs[0]?.controller.finish(report(1));
  const result = await first;
  const second = one.run(REQUEST, QUESTION, { steps: 3 });
  await settled();
  made[0]?.runs[1]?.controller.tell(step(1));
  await settled();
  assert.equal(one.knowledge.report, null);
  const third = one.run(REQUEST, QUESTION, { steps: 3 });
  await assert.rejects(second, { code: "cancelled" });
  await settled();
  made[0]?.runs[2]?.controller.tell(step(1));
  await settled();
  one.cancel();
  await assert.rejects(third, { code: "cancelled" });
  assert.equal(one.knowledge.report, result);
});

test("a second run calls the first one off", async () => {
  const { shared, made } = engines();
  const { session: one } = session(shared);
  const first = one.run(REQUEST, QUESTION, {});
  await settled();
  const second = one.run(REQUEST, QUESTION, {});
  await assert.rejects(first, { code: "cancelled" });
  await settled();
  made[0]?.runs[1]?.controller.finish(report(1));
  assert.equal((await second).steps.length, 1);
});

test("an answer without adaptation comes in the labels' order, with its entropy", async () => {
  const { shared } = engines();
  const { session: one, told } = session(shared);
  await one.classify(REQUEST, QUESTION);
  assert.deepEqual(one.knowledge.before, [0.25, 0.75]);
  assert.ok(Math.abs((one.knowledge.beforeEntropy ?? 0) - 0.5623) < 1e-4);
  assert.deepEqual(told, ["loading", "classified"]);
});

test("a broken engine is told once, and the next run gets a new one", async () => {
  const { shared, made } = engines();
  const { session: one, told } = session(shared);
  const first = one.run(REQUEST, QUESTION, {});
  await settled();
  made[0]?.runs[0]?.controller.fail(new ClipTtlError("engine-crashed", "it stopped"));
  await assert.rejects(first, { code: "engine-crashed" });
  assert.equal(told.filter((entry) => entry === "failed engine-crashed").length, 1);
  const second = one.run(REQUEST, QUESTION, {});
  await settled();
  assert.equal(made.length, 2);
  made[1]?.runs[0]?.controller.finish(report(1));
  await second;
});

test("an engine that ended while nothing was asked of it is replaced before the next run, for everybody who shares it", async () => {
  const { shared, made } = engines();
  const { session: one } = session(shared);
  const { session: other, told } = session(shared);
  const { session: idle, told: toldIdle } = session(shared);
  await Promise.all([one.load(REQUEST), other.load(REQUEST), idle.load(REQUEST)]);
  const crashed = one.run(REQUEST, QUESTION, {});
  await settled();
  made[0]?.crash();
  await assert.rejects(crashed, { code: "engine-crashed" });
  const run = other.run(REQUEST, QUESTION, {});
  await settled();
  assert.equal(made.length, 2);
  made[1]?.runs[0]?.controller.finish(report(1));
  await run;
  // This one dies with nobody there to notice.
  made[1]?.crash();
  await idle.classify(REQUEST, QUESTION);
  assert.equal(made.length, 3);
  assert.deepEqual([...told, ...toldIdle].filter((entry) => entry.startsWith("failed")), []);
});

test("an engine that another element has given up is not asked any more", async () => {
  const { shared, made } = engines();
  const { session: one } = session(shared);
  const { session: other, told } = session(shared);
  await Promise.all([one.load(REQUEST), other.load(REQUEST)]);
  const failing = one.run(REQUEST, QUESTION, {});
  await settled();
  made[0]?.runs[0]?.controller.fail(new ClipTtlError("out-of-memory", "too much"));
  await assert.rejects(failing, { code: "out-of-memory" });
  await other.load(REQUEST);
  assert.equal(made.length, 2);
  assert.ok(!told.some((entry) => entry.startsWith("failed")));
});

test("loading that fails while nobody waits for it is tried anew by the next run", async () => {
  let fail = (_error: ClipTtlError): void => undefined;
  const fake = new FakeEngine();
  let attempts = 0;
  const shared = new SharedEngines(() => {
    attempts += 1;
    return attempts === 1 ? new Promise((_resolve, reject) => (fail = reject)) : Promise.resolve(fake.engine);
  }, 10_000);
  const { session: one, told } = session(shared);
  const first = one.run(REQUEST, QUESTION, {});
  one.cancel();
  await assert.rejects(first, { code: "cancelled" });
  fail(new ClipTtlError("network", "no answer"));
  await settled();
  const second = one.run(REQUEST, QUESTION, {});
  await settled();
  fake.runs[0]?.controller.finish(report(1));
  assert.equal((await second).steps.length, 1);
  assert.equal(attempts, 2);
  assert.deepEqual(told.filter((entry) => entry.startsWith("failed")), []);
});

test("an error of the question's keeps the engine", async () => {
  const { shared, made } = engines();
  const { session: one } = session(shared);
  const first = one.run(REQUEST, QUESTION, {});
  await settled();
  made[0]?.runs[0]?.controller.fail(new ClipTtlError("label-duplicate", "twice"));
  await assert.rejects(first, { code: "label-duplicate" });
  void one.run(REQUEST, QUESTION, {}).catch(() => undefined);
  await settled();
  assert.equal(made.length, 1);
  assert.equal(made[0]?.runs.length, 2);
});

test("elements that want the same share one engine; it goes when the last one has left, and not before", async () => {
  const { shared, made } = engines(20);
  const one = session(shared).session;
  const other = session(shared).session;
  const third = session(shared).session;
  await Promise.all([one.load(REQUEST), other.load(REQUEST), third.load({ ...REQUEST, device: "cpu" })]);
  assert.equal(made.length, 2);
  one.leave();
  await sleep(60);
  assert.equal(made[0]?.isDisposed, false);
  other.leave();
  assert.equal(await isDisposedSoon(made[0]), true);
  assert.equal(made[1]?.isDisposed, false);
  assert.equal(shared.size, 1);
});

test("an element that comes back in time finds its engine", async () => {
  const { shared, made } = engines(10_000);
  const one = session(shared).session;
  await one.load(REQUEST);
  one.leave();
  await one.load(REQUEST);
  assert.equal(made.length, 1);
  assert.equal(made[0]?.isDisposed, false);
  // Otherwise the timer keeps this test's process.
  one.leave();
  shared.acquire(REQUEST, () => undefined).discard();
});

test("leaving in mid-run calls it off", async () => {
  const { shared, made } = engines();
  const { session: one, told } = session(shared);
  const run = one.run(REQUEST, QUESTION, {});
  await settled();
  one.leave();
  await assert.rejects(run, { code: "cancelled" });
  assert.equal(made[0]?.runs[0]?.options.signal?.aborted, true);
  assert.equal(await isDisposedSoon(made[0]), true);
  assert.deepEqual(told, ["loading"]);
});

test("loading that fails is told, and tried anew the next time", async () => {
  let attempts = 0;
  const shared = new SharedEngines(() => {
    attempts += 1;
    return attempts === 1 ? Promise.reject(new ClipTtlError("network", "no answer")) : Promise.resolve(new FakeEngine().engine);
  }, 0);
  const { session: one, told } = session(shared);
  await one.load(REQUEST);
  assert.deepEqual(told, ["failed network"]);
  await one.load(REQUEST);
  assert.equal(attempts, 2);
  assert.deepEqual(told, ["failed network"]);
  assert.equal(one.device?.kind, "cpu");
});
