import assert from "node:assert/strict";
import { test } from "node:test";

import { RunController } from "../src/adapt-run.js";
import { cancelled, ClipTtlError } from "../src/errors.js";
import type { AdapterFiles, EpisodeReport, StepReport } from "../src/types.js";

const step = (number: number): StepReport => ({ step: number }) as StepReport;
const noAdapter = (): Promise<AdapterFiles> => assert.fail("nobody asked for the adapter");
const report = { before: [{ label: "cat", probability: 1 }], beforeEntropy: 0 } as unknown as EpisodeReport;

async function stepsOf(run: AsyncIterable<StepReport>): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { step: number } of run) numbers.push(number);
  return numbers;
}

test("steps come as they are done, and again for whoever asks later", async () => {
  const controller = new RunController(() => assert.fail("nobody cancelled"), noAdapter);
  const early = stepsOf(controller.run);
  controller.tell(step(1));
  await Promise.resolve();
  controller.tell(step(2));
  controller.finish(report);
  assert.deepEqual(await early, [1, 2]);
  assert.deepEqual(await stepsOf(controller.run), [1, 2]);
  assert.equal(await controller.run.result, report);
});

test("the prediction before any step comes early, or with the result", async () => {
  const early = new RunController(() => undefined, noAdapter);
  early.tellZeroShot({ probabilities: [0.5], entropy: 0.7 });
  assert.deepEqual(await early.run.zeroShot, { probabilities: [0.5], entropy: 0.7 });
  const late = new RunController(() => undefined, noAdapter);
  late.finish(report);
  assert.deepEqual(await late.run.zeroShot, { probabilities: [1], entropy: 0 });
});

test("leaving the loop early cancels, leaving it at the end does not", async () => {
  let calls = 0;
  const controller: RunController = new RunController(() => {
    calls += 1;
    controller.fail(cancelled("The run"));
  }, noAdapter);
  controller.tell(step(1));
  for await (const _ of controller.run) break;
  assert.equal(calls, 1);
  await assert.rejects(controller.run.result, (error) => error instanceof ClipTtlError && error.code === "cancelled");
  controller.run.cancel();
  assert.equal(calls, 1, "a run that has ended can't be cancelled");
});

test("a failure reaches the loop, the result and the prediction, and nobody has to look", async () => {
  const failure = new ClipTtlError("device-lost", "gone");
  const controller = new RunController(() => undefined, noAdapter);
  const loop = stepsOf(controller.run);
  controller.tell(step(1));
  controller.fail(failure);
  await assert.rejects(loop, failure);
  await assert.rejects(controller.run.result, failure);
  await assert.rejects(controller.run.zeroShot, failure);
  new RunController(() => undefined, noAdapter).fail(failure);
  await new Promise((resolve) => setImmediate(resolve));
});

test("the adapter is asked for once the run has ended, each time anew, and never of one that failed", async () => {
  const files: AdapterFiles = { weights: new Uint8Array([1, 2]), config: "{}" };
  let asked = 0;
  const controller = new RunController(
    () => undefined,
    () => {
      asked += 1;
      return asked === 1 ? Promise.resolve(files) : Promise.reject(new ClipTtlError("adapter-gone", "another run has begun"));
    },
  );
  const early = controller.run.adapter();
  await Promise.resolve();
  assert.equal(asked, 0);
  controller.finish(report);
  assert.equal(await early, files);
  await assert.rejects(controller.run.adapter(), (error) => error instanceof ClipTtlError && error.code === "adapter-gone");

  const failed = new RunController(() => undefined, noAdapter);
  failed.fail(cancelled("The run"));
  await assert.rejects(failed.run.adapter(), (error) => error instanceof ClipTtlError && error.code === "cancelled");
});
