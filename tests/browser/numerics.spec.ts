/** The engine's numbers, inside the browser: against what PyTorch recorded, and against themselves. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { VerifyReport } from "../../web/src/index.js";
import { beforeWorker, load, openBare } from "./bare.js";
import { FIXTURES, offerFixtures } from "./files.js";
import { expect, expectWebGpuAdapter, test } from "./test.js";

/** Features, logits, entropies, losses and parameters in absolute terms, gradients as a share of their tensor's largest value. */
const TOLERANCE = 1e-3;
const LABELS = ["cat", "dog", "bird", "flower"];

interface Zeroshot {
  readonly labels: string[];
  readonly template: string;
  readonly probabilities: number[];
}

/** The recorded episodes, each with the folder of its model. */
const EPISODES = readdirSync(FIXTURES)
  .filter((name) => /^(ttl|tpt)-.*\.safetensors$/.test(name))
  .map((name) => ({ name, model: modelOf(name) }));
const TINY_EPISODES = EPISODES.filter(({ model }) => model !== "pocket");

function modelOf(name: string): string {
  const known: Readonly<Record<string, string>> = {
    "ttl-default.safetensors": "tiny-quick-gelu",
    "ttl-rank4-2layers-qkv.safetensors": "tiny-quick-gelu",
    "ttl-pocket-chelsea.safetensors": "pocket",
    "tpt-default.safetensors": "tiny-quick-gelu",
  };
  return known[name] ?? name.replace(/^(?:ttl|tpt)-(.*)\.safetensors$/, "tiny-$1");
}

test.beforeEach(async ({ page }) => {
  await offerFixtures(page);
  await openBare(page);
});

test("there are recorded episodes of several models", () => {
  expect(EPISODES.map(({ name }) => name)).toContain("ttl-pocket-chelsea.safetensors");
  expect(new Set(TINY_EPISODES.map(({ model }) => model)).size).toBeGreaterThanOrEqual(2);
});

for (const { name, model } of EPISODES) {
  test(`${name} is replayed on the CPU`, async ({ page }) => {
    expectReplayed(await page.evaluate(replay, { name, model, device: "cpu" as const }), name, "cpu");
  });
}

test("a browser without relaxed SIMD gets the same answer, by loops of the engine's own", async ({ page }) => {
  const adapted = async () => {
    await load(page);
    const run = (labels: string[]) => window.clip.adapt("./samples/chelsea.png", labels, { views: 9, chunkViews: 4, seed: 3 }).result;
    return (await page.evaluate(run, LABELS)).after.map(({ probability }) => probability);
  };
  const modules = () => page.workers()[0]?.evaluate(() => (globalThis as { modules?: string[] }).modules);
  // The engine itself is compiled while it arrives; by the constructor it makes the one that holds the kernel.
  const count = (refuses: boolean) => `
    const { Module } = WebAssembly;
    globalThis.modules = [];
    WebAssembly.Module = class extends Module {
      constructor(bytes) {
        if (${refuses}) { globalThis.modules.push("refused"); throw new WebAssembly.CompileError("no relaxed SIMD"); }
        super(bytes);
        globalThis.modules.push("compiled");
      }
    };`;
  await beforeWorker(page, count(false));
  const fast = await adapted();
  expect(await modules()).toEqual(["compiled"]);

  await page.unroute("**/clip-ttl/worker.js");
  await beforeWorker(page, count(true));
  await openBare(page);
  const plain = await adapted();
  expect(await modules()).toEqual(["refused"]);

  expect(fast).not.toEqual(plain);
  for (const [index, probability] of fast.entries()) expect(Math.abs(probability - (plain[index] ?? NaN))).toBeLessThan(1e-5);
});

// One device for all of them: most of the time goes into its shaders. The pocket model's episode would take many minutes on an
// imitated graphics card, and needs no other kernels than the tiny models'.
test("the tiny models' episodes are replayed on WebGPU", async ({ page }) => {
  test.setTimeout(480_000);
  await expectWebGpuAdapter(page);
  const reports = await page.evaluate(replayOnOneDevice, TINY_EPISODES);
  expect(reports).toHaveLength(TINY_EPISODES.length);
  for (const [index, { name }] of TINY_EPISODES.entries()) {
    await test.step(name, () => {
      const report = reports[index];
      if (report === undefined) throw new Error("no report");
      expectReplayed(report, name, "webgpu");
    });
  }
});

function expectReplayed(report: VerifyReport, name: string, device: "cpu" | "webgpu"): void {
  const isTpt = name.startsWith("tpt-");
  test.info().annotations.push({
    type: "errors",
    description: report.quantities.map(({ name, largestError }) => `${name} ${largestError.toExponential(1)}`).join(", "),
  });
  expect(report.device).toBe(device);
  expect(report.method).toBe(isTpt ? "tpt" : "ttl");
  expect(report.quantities.length).toBeGreaterThanOrEqual(isTpt ? 7 : 12);
  for (const quantity of report.quantities) {
    expect(quantity.compared, `values of ${quantity.name} that were compared`).toBeGreaterThan(0);
    expect(quantity.tolerance, `tolerance of ${quantity.name}`).toBeLessThanOrEqual(TOLERANCE);
    expect(quantity.largestError, `error of ${quantity.name}, at ${quantity.at}`).toBeLessThanOrEqual(TOLERANCE);
    expect(quantity.passed, quantity.name).toBe(true);
  }
  expect(report.passed).toBe(true);
}

/** Runs in the page. */
async function replay({ name, model, device }: { name: string; model: string; device: "cpu" | "webgpu" }): Promise<VerifyReport> {
  const files = {
    name: model,
    config: `./fixtures/${model}/config.json`,
    weights: `./fixtures/${model}/model.safetensors`,
  };
  const clip = await window.clipTtl.ClipTtl.load({ model: model === "pocket" ? "pocket" : files, device });
  const episode = await (await fetch(`./fixtures/${name}`)).blob();
  const report = await clip.verify(episode);
  clip.dispose();
  return report;
}

/** Runs in the page, with the engine's own module: the package has one engine for each model. */
async function replayOnOneDevice(episodes: readonly { name: string; model: string }[]): Promise<VerifyReport[]> {
  const bytes = async (path: string): Promise<Uint8Array> => new Uint8Array(await (await fetch(path)).arrayBuffer());
  const module = new URL("./clip-ttl/clip_ttl.js", document.baseURI).href;
  const wasm = (await import(module)) as typeof import("../../web/src/clip_ttl.js");
  await wasm.default({ module_or_path: await WebAssembly.compileStreaming(fetch("./clip-ttl/clip_ttl_bg.wasm")) });
  const engine = await wasm.Engine.open("webgpu");
  const reports: VerifyReport[] = [];
  for (const { name, model } of episodes) {
    const config = await (await fetch(`./fixtures/${model}/config.json`)).text();
    const file = await bytes(`./fixtures/${model}/model.safetensors`);
    const loader = wasm.Loader.plan(config, undefined, file, file.length, "auto");
    const { pieces } = loader;
    for (let index = 0; index < pieces.length / 2; index += 1) {
      const [offset = 0, length = 0] = pieces.subarray(2 * index);
      loader.push(index, file.subarray(offset, offset + length));
    }
    engine.loadAssembled(model, loader);
    reports.push(await engine.verify(await bytes(`./fixtures/${name}`)));
  }
  return reports;
}

test("a recording with one other number does not pass", async ({ page }) => {
  const name = "ttl-default.safetensors";
  const file = readFileSync(join(FIXTURES, name));
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, 8 + headerBytes)) as Record<string, { data_offsets: [number, number] }>;
  const start = 8 + headerBytes + (header["step0.grad.layers.1.q_proj.lora_B"]?.data_offsets[0] ?? NaN);
  file.writeFloatLE(file.readFloatLE(start) + 10, start);
  await page.route(`**/fixtures/${name}`, (route) => route.fulfill({ body: file }));

  const report = await page.evaluate(replay, { name, model: "tiny-quick-gelu", device: "cpu" as const });
  expect(report.passed).toBe(false);
  expect(report.quantities.filter(({ passed }) => !passed).map(({ name: quantity }) => quantity)).toEqual(["grad.lora_B"]);
});

test("a photograph is classified as PyTorch does it", async ({ page }) => {
  const recorded = JSON.parse(readFileSync(join(FIXTURES, "zeroshot-chelsea.json"), "utf8")) as Zeroshot;
  await load(page);
  const scores = await page.evaluate(
    ({ labels, template }) => window.clip.classify("./samples/chelsea.png", labels, { template }),
    { labels: recorded.labels, template: recorded.template },
  );
  expect(scores).toHaveLength(recorded.labels.length);
  for (const { label, score } of scores) {
    const expected = recorded.probabilities[recorded.labels.indexOf(label)] ?? NaN;
    expect(Math.abs(score - expected), `${label}: ${score} instead of ${expected}`).toBeLessThanOrEqual(2e-3);
  }
});

test("the same seed gives the same result, also in another engine; another seed another one", async ({ page }) => {
  await load(page);
  const runs = await page.evaluate(async (labels) => {
    const { ClipTtl } = window.clipTtl;
    const other = await ClipTtl.load({ device: "cpu" });
    const run = async (clip: typeof other, seed: number) => {
      const report = await clip.adapt("./samples/chelsea.png", labels, { views: 6, steps: 2, seed }).result;
      const { timingMs: _timing, steps, ...rest } = report;
      return JSON.stringify({ ...rest, steps: steps.map(({ durationMs: _duration, ...step }) => step) });
    };
    // Between two equal runs another one, so that the second does not go on from the first.
    return { first: await run(window.clip, 7), another: await run(window.clip, 8), second: await run(window.clip, 7), other: await run(other, 7) };
  }, LABELS);
  expect(runs.second).toBe(runs.first);
  expect(runs.other).toBe(runs.first);
  expect(runs.another).not.toBe(runs.first);
});

test("nothing of one picture stays for the next", async ({ page }) => {
  await load(page);
  const result = await page.evaluate(async (labels) => {
    const scores = async (): Promise<string> => JSON.stringify(await window.clip.classify("./samples/chelsea.png", labels));
    const adapted = async (picture: string): Promise<string> =>
      JSON.stringify((await window.clip.adapt(picture, labels, { views: 4, steps: 2 }).result).after);
    const before = await scores();
    const alone = await adapted("./samples/chelsea.png");
    const other = await adapted("./samples/horses.jpg");
    return { before, after: await scores(), alone, again: await adapted("./samples/chelsea.png"), other };
  }, LABELS);
  expect(result.after, "the zero-shot answer").toBe(result.before);
  expect(result.again, "the adapted answer").toBe(result.alone);
  expect(result.other).not.toBe(result.alone);
});

test("more steps continue a run as if they had been asked for at once", async ({ page }) => {
  await load(page);
  const { continued, atOnce } = await page.evaluate(async (labels) => {
    const run = async (steps: number) => {
      const report = await window.clip.adapt("./samples/chelsea.png", labels, { views: 4, steps }).result;
      return JSON.stringify([report.after, report.finalState, report.steps.map((step) => [step.step, step.loss, step.prediction])]);
    };
    await run(1);
    const continued = await run(3);
    // Fewer steps than before are a run of their own.
    await run(1);
    await window.clip.adapt("./samples/horses.jpg", labels, { views: 4, steps: 1 }).result;
    return { continued, atOnce: await run(3) };
  }, LABELS);
  expect(continued).toBe(atOnce);
});

test("without a learning rate, or without steps, the answer stays as it is", async ({ page }) => {
  await load(page);
  const [still, none] = await page.evaluate(
    async (labels) => [
      await window.clip.adapt("./samples/chelsea.png", labels, { views: 4, steps: 2, learningRate: 0 }).result,
      await window.clip.adapt("./samples/chelsea.png", labels, { views: 4, steps: 0 }).result,
    ],
    LABELS,
  );
  expect(still?.after).toEqual(still?.before);
  expect(still?.steps).toHaveLength(2);
  expect(none?.after).toEqual(none?.before);
  expect(none?.steps).toEqual([]);
});
