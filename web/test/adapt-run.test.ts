import assert from "node:assert/strict";
import { test } from "node:test";

import { RunController } from "../src/adapt-run.js";
import { cancelled, ClipTtlError } from "../src/errors.js";
import type { EpisodeReport, StepReport } from "../src/types.js";

const step = (number: number): StepReport => ({ step: number }) as StepReport;
const report = { before: [{ label: "cat", probability: 1 }], beforeEntropy: 0 } as unknown as EpisodeReport;

async function stepsOf(run: AsyncIterable<StepReport>): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { step: number } of run) numbers.push(number);
  return numbers;
}

test("steps come as they are done, and again for whoever asks later", async () => {
  const controller = new RunController(() => assert.fail("nobody cancelled"));
  const early = stepsOf(controller.run);
  controller.tellStep(step(1));
  await Promise.resolve();
  controller.tellStep(step(2));
  controller.finish(report);
  assert.deepEqual(await early, [1, 2]);
  assert.deepEqual(await stepsOf(controller.run), [1, 2]);
  assert.equal(await controller.run.result, report);
});

test("the prediction before any step comes early, or with the result", async () => {
  const early = new RunController(() => undefined);
  early.tellZeroShot({ probabilities: [0.5], entropy: 0.7 });
  assert.deepEqual(await early.run.zeroShot, { probabilities: [0.5], entropy: 0.7 });
  const late = new RunController(() => undefined);
  late.finish(report);
  assert.deepEqual(await late.run.zeroShot, { probabilities: [1], entropy: 0 });
});

test("leaving the loop early cancels, leaving it at the end does not", async () => {
  let calls = 0;
  const controller: RunController = new RunController(() => {
    calls += 1;
    controller.fail(cancelled("The run"));
  });
  controller.tellStep(step(1));
  for await (const _ of controller.run) break;
  assert.equal(calls, 1);
  await assert.rejects(controller.run.result, (error) => error instanceof ClipTtlError && error.code === "cancelled");
  controller.run.cancel();
  assert.equal(calls, 1, "a run that has ended can't be cancelled");
});

test("a failure reaches the loop, the result and the prediction, and nobody has to look", async () => {
  const failure = new ClipTtlError("device-lost", "gone");
  const controller = new RunController(() => undefined);
  const loop = stepsOf(controller.run);
  controller.tellStep(step(1));
  controller.fail(failure);
  await assert.rejects(loop, failure);
  await assert.rejects(controller.run.result, failure);
  await assert.rejects(controller.run.zeroShot, failure);
  new RunController(() => undefined).fail(failure);
  await new Promise((resolve) => setImmediate(resolve));
});
