/** What the page does when a run is called off, or the engine can't be had or goes away: it says so, and offers a way on that works. */

import type { Page, Worker } from "@playwright/test";

import { beforeWorker, load, openBare } from "./bare.js";
import { Demo } from "./demo.js";
import { hold } from "./hold.js";
import { expect, expectWebGpuAdapter, test } from "./test.js";
import { replacePocket, safetensors, tinyClip, type CheckpointFiles } from "./tiny-clip.js";

const LABELS = ["cat", "dog", "bird"];

/** In the worker, before its own code. */
const WITHOUT_WEBGPU = `Object.defineProperty(WorkerNavigator.prototype, "gpu", { get: () => undefined });`;
const WITHOUT_ADAPTER = `GPU.prototype.requestAdapter = () => Promise.resolve(null);`;

/** Sends the engine's worker a message that the page itself never sends. */
async function tellWorker(page: Page, type: "debug-lose-device" | "debug-panic"): Promise<void> {
  await workerOf(page).evaluate((type) => globalThis.dispatchEvent(new MessageEvent("message", { data: { type } })), type);
}

/** Lets the engine end as it does where it gets no more memory: by a trap without a panic. */
async function starveWorker(page: Page): Promise<void> {
  await workerOf(page).evaluate(() => {
    globalThis.dispatchEvent(new ErrorEvent("error", { error: new WebAssembly.RuntimeError("unreachable"), cancelable: true }));
  });
}

function workerOf(page: Page): Worker {
  const [worker] = page.workers();
  if (worker === undefined) throw new Error("there is no worker");
  return worker;
}

test.describe("cancelling on the page", () => {
  for (const { moment, status } of [
    { moment: "the views are encoded", status: /^Encoding/ },
    { moment: "a step is made", status: /^Step 1/ },
    { moment: "the views are measured again", status: /^Measuring/ },
  ]) {
    test(`while ${moment} keeps the answer before, and the next run is as if nothing had been`, async ({ page }) => {
      const demo = new Demo(page);
      await demo.openReady();
      await demo.setLabels(LABELS);
      await demo.compared();
      await demo.set("Views", 64);
      const before = await demo.bars();
      await demo.runAndCancelAt(status);
      await expect(demo.status).toHaveText(/^Cancelled\. The answer before adapting is still here/);
      await expect(demo.announcer).toHaveText(/^Cancelled/);
      await expect(demo.cancelButton).toHaveAttribute("aria-disabled", "true");
      expect(await demo.bars()).toEqual(before);

      await demo.set("Views", 4);
      await demo.run();
      const disturbed = { bars: await demo.bars(), table: await demo.plotTable() };
      await demo.set("Seed", 1);
      await demo.runAndCancelAt(/^Encoding/);
      await expect(demo.status, "the result of the last whole run comes back").toHaveText(/result from before/);
      expect(await demo.bars()).toEqual(disturbed.bars);

      // A plain address: the present one holds the seed of the run that was called off.
      await demo.openReady();
      await demo.setLabels(LABELS);
      await demo.compared();
      await demo.set("Views", 4);
      await demo.run();
      expect({ bars: await demo.bars(), table: await demo.plotTable() }, "an undisturbed run").toEqual(disturbed);
    });
  }

  test("while the model still loads takes the run back; the loading goes on", async ({ page }) => {
    const release = await hold(page, "**/model.safetensors");
    const demo = new Demo(page);
    await demo.open();
    await expect(page.locator("#preview")).toBeVisible();
    await demo.runButton.click();
    await expect(demo.cancelButton).toHaveAttribute("aria-disabled", "false");
    await demo.cancelButton.click();
    await expect(demo.cancelButton).toHaveAttribute("aria-disabled", "true");
    await expect(demo.announcer, "there is no answer yet").toHaveText("Cancelled.");
    release();
    await demo.loaded();
    await demo.compared();
    expect((await demo.bars()).every(({ after }) => after === null)).toBe(true);
  });
});

test("a run whose labels or picture are changed is stopped, which is said for as long as there is no other answer", async ({ page }) => {
  const demo = new Demo(page);
  await demo.openReady();
  await demo.setLabels(LABELS);
  await demo.compared();
  await demo.set("Steps", 10);
  for (const { change, undo } of [
    { change: () => demo.setLabels([]), undo: () => demo.setLabels(LABELS) },
    { change: () => page.getByRole("button", { name: "Remove" }).click(), undo: () => page.getByRole("group", { name: "Sample pictures" }).getByRole("button").first().click() },
  ]) {
    await demo.runUntil(/^Encoding/);
    await change();
    await expect(demo.status).toHaveText(/^The run was stopped because its input changed\. Ready\./);
    await expect(demo.announcer).toHaveText("The run was stopped because its input changed.");
    await undo();
    await demo.compared();
  }
});

test("the automatic choice takes the CPU where the graphics card is only imitated, and says so", async ({ page }) => {
  const demo = new Demo(page);
  await demo.openReady();
  await expectWebGpuAdapter(page);
  await expect(demo.device).toHaveText("Running on the CPU");
});

test("a finished result stays when the device is changed, and so does what is said of it", async ({ page }) => {
  const demo = new Demo(page);
  await demo.openReady();
  await demo.setLabels(LABELS);
  await demo.set("Views", 3);
  await demo.run();
  const found = { bars: await demo.bars(), table: await demo.plotTable() };
  expect(found.bars.every(({ after }) => after !== null)).toBe(true);
  await demo.setDevice("cpu");
  await demo.loaded();
  await expect(demo.status).toHaveText(/^1 update in .+ on the CPU\.$/);
  expect({ bars: await demo.bars(), table: await demo.plotTable() }).toEqual(found);
  await expect(demo.tiles).toHaveCount(3);
  await expect(demo.resetButton).toHaveAttribute("aria-disabled", "false");
});

for (const { name, script } of [
  { name: "a browser without WebGPU", script: WITHOUT_WEBGPU },
  { name: "a browser without a graphics adapter", script: WITHOUT_ADAPTER },
]) {
  test(`in ${name}, asking for it is answered with the CPU`, async ({ page }) => {
    await beforeWorker(page, script);
    await replacePocket(page);
    await openBare(page);
    const error = await page.evaluate(async () => {
      const attempt = window.clipTtl.ClipTtl.load({ device: "webgpu" });
      return attempt.then(
        () => null,
        (reason: unknown) => (reason instanceof window.clipTtl.ClipTtlError ? { code: reason.code, message: reason.message } : null),
      );
    });
    expect(error?.code).toBe("gpu-unavailable");
    expect(error?.message).toMatch(/"cpu" or "auto"/);
    await load(page, "auto");
    expect(await page.evaluate(() => window.clip.device.kind)).toBe("cpu");

    const demo = new Demo(page);
    await demo.openReady();
    await demo.setLabels(LABELS);
    await demo.setDevice("webgpu");
    await expect(demo.engineProblem).toContainText(/WebGPU/);
    await expect(demo.engineProblem).toHaveAttribute("role", "alert");
    await page.getByRole("button", { name: "Continue on the CPU" }).click();
    await expect(demo.device).toHaveText("Running on the CPU");
    await expect(demo.engineProblem).toBeHidden();
    await expect(demo.labels).toHaveValue(LABELS.join("\n"));
    await demo.compared();
    await demo.set("Views", 3);
    await demo.run();
  });
}

test("a graphics card that goes away in the middle of a run is replaced by the CPU, which makes the run", async ({ page }) => {
  test.setTimeout(300_000);
  await replacePocket(page);
  const demo = new Demo(page);
  await demo.openReady();
  await expectWebGpuAdapter(page);
  await demo.setLabels(LABELS);
  await demo.setDevice("webgpu");
  await expect(demo.device).toHaveText(/^Running on a software GPU: \S+/);
  await demo.set("Views", 32);
  await demo.set("Steps", 3);
  await demo.runUntil(/^(Encoding|Step)/);
  await tellWorker(page, "debug-lose-device");

  await expect(demo.engineProblem).toContainText(/graphics device was lost/);
  await expect(demo.engineProblem).toContainText(/CPU can go on/);
  await expect(demo.labels).toHaveValue(LABELS.join("\n"));
  await expect(page.locator("#preview")).toBeVisible();
  await page.getByRole("button", { name: "Continue on the CPU" }).click();
  await demo.done();
  await expect(demo.device).toHaveText("Running on the CPU");
  await expect(demo.status).toHaveText(/^3 updates in .+ on the CPU\.$/);
  await expect(demo.engineProblem).toBeHidden();
  await expect(demo.tiles).toHaveCount(32);
  await expect(page.locator("#controls").getByLabel("Device", { exact: true })).toHaveValue("cpu");
});

for (const { how, end, says } of [
  { how: "crashes", end: (page: Page) => tellWorker(page, "debug-panic"), says: /engine stopped/ },
  { how: "gets no more memory", end: starveWorker, says: /engine stopped.*no more memory/ },
]) {
  test(`an engine that ${how} in the middle of a run is started again`, async ({ page, watch }) => {
    watch.allowError(/panicked/);
    const demo = new Demo(page);
    await demo.openReady();
    await demo.setLabels(LABELS);
    await demo.compared();
    // Long enough for the end of the engine to come before the run's, on a quick machine too.
    await demo.set("Steps", 10);
    await demo.runUntil(/^Encoding/);
    await end(page);
    await expect(demo.engineProblem).toContainText(says);
    await demo.set("Views", 3);
    await page.getByRole("button", { name: "Try again" }).click();
    await demo.done();
    await expect(demo.engineProblem).toBeHidden();
    await expect(demo.labels).toHaveValue(LABELS.join("\n"));
    expect((await demo.bars()).every(({ after }) => after !== null)).toBe(true);
  });
}

/** The tensors' header and data of a checkpoint, to be changed. */
function partsOf(weights: Buffer): { header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>; data: Buffer } {
  const end = 8 + Number(weights.readBigUInt64LE(0));
  return { header: JSON.parse(weights.toString("utf8", 8, end)) as ReturnType<typeof partsOf>["header"], data: Buffer.from(weights.subarray(end)) };
}

/** Checkpoints with one thing wrong in each, and what the page says. */
function badCheckpoints(): { name: string; files: CheckpointFiles; says: RegExp }[] {
  const good = tinyClip();
  const { header, data } = partsOf(good.weights);
  const tensor = "visual_projection.weight";
  const { [tensor]: projection, ...others } = header;
  if (projection === undefined) throw new Error("the model has no visual projection");
  const notANumber = Buffer.from(data);
  notANumber.writeFloatLE(NaN, projection.data_offsets[0]);
  const lying = { ...header, [tensor]: { ...projection, data_offsets: [projection.data_offsets[0], 2 ** 52] } };
  const weights = (changed: Buffer): CheckpointFiles => ({ ...good, weights: changed });
  return [
    { name: "half of the weights", files: weights(good.weights.subarray(0, good.weights.length / 2)), says: /Download the weights again/ },
    { name: "no weights at all", files: weights(Buffer.alloc(0)), says: /Download the weights again/ },
    { name: "a header that promises more than there is", files: weights(safetensors(lying, data)), says: /Download the weights again/ },
    { name: "a header longer than the file", files: weights(Buffer.from([255, 255, 255, 255, 255, 255, 255, 127, 1, 2])), says: /Download the weights again/ },
    { name: "a missing tensor", files: weights(safetensors(others, data.subarray(0, projection.data_offsets[0]))), says: /visual_projection\.weight/ },
    {
      name: "a tensor of another shape",
      files: weights(safetensors({ ...header, [tensor]: { ...projection, shape: [4, 64] } }, data)),
      says: /visual_projection\.weight.*same checkpoint/,
    },
    { name: "what is not a number", files: weights(safetensors(header, notANumber)), says: /visual_projection\.weight.*(Download|another checkpoint)/ },
    { name: "a page instead of config.json", files: { ...good, config: "<!doctype html><title>Sign in</title>" }, says: /config\.json/ },
  ];
}

for (const { name, files, says } of badCheckpoints()) {
  test(`a model with ${name} is refused with advice, and loaded when it is whole`, async ({ page }) => {
    await replacePocket(page, files);
    const demo = new Demo(page);
    await demo.open();
    await expect(demo.engineProblem).toContainText(says);
    await expect(demo.engineProblem).toHaveAttribute("role", "alert");
    await expectRetryWorks(demo);
  });
}

test("files of the engine that are missing or broken are named, and loaded when they are there", async ({ page, watch }) => {
  watch.allowError(/404|503|ERR_|Failed to load resource/);
  const faults: readonly { glob: string; answer: { status?: number; body?: string; contentType?: string } | "abort"; says: RegExp }[] = [
    { glob: "**/model.safetensors", answer: { status: 404 }, says: /model\.safetensors.*404/ },
    { glob: "**/clip_ttl_cpu_bg.wasm", answer: { status: 503 }, says: /clip_ttl_cpu_bg\.wasm.*503/ },
    { glob: "**/clip_ttl_cpu_bg.wasm", answer: { contentType: "application/wasm", body: "no code" }, says: /engine can't be compiled/ },
    { glob: "**/clip-ttl/clip_ttl.js", answer: "abort", says: /clip_ttl\.js/ },
    { glob: "**/models/pocket/model.safetensors", answer: "abort", says: /model\.safetensors/ },
  ];
  for (const { glob, answer, says } of faults) {
    await test.step(`${glob} ${JSON.stringify(answer)}`, async () => {
      await replacePocket(page);
      await page.route(glob, (route) => (answer === "abort" ? route.abort() : route.fulfill(answer)));
      const demo = new Demo(page);
      await demo.open();
      await expect(demo.engineProblem).toContainText(says);
      await expectRetryWorks(demo);
    });
  }
});

/** The page is told that the files are whole again: a press on the button is enough. */
async function expectRetryWorks(demo: Demo): Promise<void> {
  const { page } = demo;
  await expect(demo.runButton).toBeEnabled();
  await demo.setLabels(LABELS);
  await page.unrouteAll();
  await replacePocket(page);
  await page.getByRole("button", { name: "Try again" }).click();
  await demo.loaded();
  await demo.compared();
  await expect(demo.engineProblem).toBeHidden();
  await expect(demo.labels).toHaveValue(LABELS.join("\n"));
  await page.unrouteAll();
}
