/** The package as a developer uses it: what goes in, what comes out, and what errors look like. */

import type { Page } from "@playwright/test";

import type { ImageInput, LabelScore, LoadProgress } from "../../web/src/index.js";
import { load, openBare } from "./bare.js";
import { expect, test } from "./test.js";

const LABELS = ["cat", "dog", "bird", "flower"];

test.beforeEach(async ({ page }) => {
  await openBare(page);
});

test("loading tells what it does, and what was loaded", async ({ page }) => {
  const { progress, device, model } = await page.evaluate(async () => {
    const progress: { stage: string; loadedBytes: number; totalBytes: number | null; files: string[] }[] = [];
    const clip = await window.clipTtl.ClipTtl.load({
      onProgress: ({ files, ...rest }) => void progress.push({ ...rest, files: files.map(({ name }) => name) }),
    });
    return { progress, device: clip.device, model: clip.model };
  });
  // The only graphics adapter here is imitated: the CPU is faster.
  expect(device).toEqual({ kind: "cpu", name: "CPU", software: false });
  expect(model).toMatchObject({ name: "pocket", imageSize: 64, visionLayers: 12, contextLength: 77 });
  expect([...new Set(progress.map(({ stage }) => stage))]).toEqual(["download", "prepare", "ready"]);
  const last = progress.at(-1);
  expect(last?.loadedBytes).toBe(last?.totalBytes);
  expect(last?.loadedBytes).toBeGreaterThan(model.residentBytes);
  expect(last?.files.sort()).toEqual(["clip_ttl_cpu_bg.wasm", "model.safetensors"]);
  const loaded = progress.map(({ loadedBytes }) => loadedBytes);
  expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
});

test("for a graphics device the engine comes that has its kernels", async ({ page }) => {
  const { files, kind } = await page.evaluate(async () => {
    let files: string[] = [];
    const onProgress = (progress: LoadProgress): void => void (files = progress.files.map(({ name }) => name));
    const clip = await window.clipTtl.ClipTtl.load({ device: "webgpu", onProgress });
    const { kind } = clip.device;
    clip.dispose();
    return { files, kind };
  });
  expect(kind).toBe("webgpu");
  expect(files.sort()).toEqual(["clip_ttl_bg.wasm", "model.safetensors"]);
});

test("classify gives each label's score, the best first", async ({ page }) => {
  await load(page);
  const scores = await page.evaluate((labels) => window.clip.classify("./samples/chelsea.png", labels), LABELS);
  expect(scores[0]?.label).toBe("cat");
  expect(scores.map(({ label }) => label).sort()).toEqual([...LABELS].sort());
  const values = scores.map(({ score }) => score);
  expect(values).toEqual([...values].sort((a, b) => b - a));
  expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
  const [one, other] = await page.evaluate(async (labels) => {
    const classify = (template: string) => window.clip.classify("./samples/chelsea.png", labels, { template });
    return [await classify("a photo of a {}."), await classify("a drawing of two {}s")];
  }, LABELS);
  expect(one).toEqual(scores);
  expect(other).not.toEqual(scores);
});

test("classify tells how many labels are encoded, and what it had to cut", async ({ page }) => {
  await load(page);
  const { progress, again, warnings } = await page.evaluate(async () => {
    const labels = ["word ".repeat(100), ...Array.from({ length: 150 }, (_, index) => `thing ${index}`)];
    const told = async () => {
      const [progress, warnings]: [number[][], string[]] = [[], []];
      await window.clip.classify("./samples/chelsea.png", labels, {
        onProgress: ({ labelsDone, labelsTotal }) => void progress.push([labelsDone, labelsTotal]),
        onWarning: ({ code }) => void warnings.push(code),
      });
      return { progress, warnings };
    };
    const first = await told();
    return { ...first, again: await told() };
  });
  expect(progress.length).toBeGreaterThan(1);
  expect(progress.at(-1)).toEqual([151, 151]);
  expect(warnings).toEqual(["label-cut"]);
  expect(again, "the labels are encoded by now; what was cut is still worth a word").toEqual({ progress: [[151, 151]], warnings: ["label-cut"] });
});

test("adapt reports everything under the documented names", async ({ page }) => {
  await load(page);
  const { report, steps, zeroShot, progress } = await page.evaluate(async (labels) => {
    const progress: object[] = [];
    const run = window.clip.adapt("./samples/chelsea.png", labels, {
      ...{ steps: 2, views: 5, chunkViews: 2, seed: 11, rank: 4, alpha: 8, layers: 2, targets: ["q_proj", "k_proj"], template: "one {}" },
      onProgress: (event) => void progress.push(event),
    });
    const steps = [];
    for await (const step of run) steps.push(step);
    return { report: await run.result, steps, zeroShot: await run.zeroShot, progress };
  }, LABELS);

  const keys = "after before beforeEntropy device deviceName finalState labels method model options seed steps stopped template timingMs views warnings";
  expect(Object.keys(report).sort().join(" ")).toBe(keys);
  const stepKeys = "adapterNorms durationMs entropy loss marginalEntropy prediction predictionEntropy step viewEntropies viewLabels viewProbabilities viewWeights";
  for (const step of report.steps) expect(Object.keys(step).sort().join(" ")).toBe(stepKeys);
  for (const view of report.views) expect(Object.keys(view).sort().join(" ")).toBe("box entropyAfter entropyBefore flip weight");
  expect(Object.keys(report.options).sort().join(" ")).toBe(
    "alpha betas chunkViews cropScale encoder epsilon layers learningRate margin predict rank seed selection steps targets templates views weightDecay",
  );
  expect(Object.keys(report.timingMs).sort().join(" ")).toBe("measure steps text total trunk views");

  expect(report).toMatchObject({ model: "pocket", device: "cpu", deviceName: "CPU", method: "ttl", seed: 11, template: "one {}", labels: LABELS, stopped: null });
  expect(report.options).toMatchObject({ steps: 2, views: 5, rank: 4, alpha: 8, layers: 2, targets: ["q_proj", "k_proj"], learningRate: 0.005, margin: 0.4 });
  expect(steps).toEqual(report.steps);
  expect(steps.map(({ step }) => step)).toEqual([1, 2]);
  expect(zeroShot).toEqual({ probabilities: report.before.map(({ probability }) => probability), entropy: report.beforeEntropy });
  expect(report.after.map(({ label }) => label)).toEqual(LABELS);
  expect(report.after.map(({ probability }) => probability)).toEqual(steps[1]?.prediction);
  for (const distribution of [report.before, report.after]) {
    expect(distribution.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
  }
  expect(entropyOf(zeroShot.probabilities)).toBeCloseTo(report.beforeEntropy, 4);
  expect(entropyOf(steps[0]?.prediction ?? [])).toBeCloseTo(steps[0]?.predictionEntropy ?? NaN, 4);
  const [first] = report.steps;
  expect(first?.viewEntropies).toHaveLength(5);
  expect(mean(first?.viewEntropies ?? [])).toBeCloseTo(first?.entropy ?? NaN, 4);
  expect(first?.viewWeights[2]).toBeCloseTo(Math.exp(0.4 - (first?.viewEntropies[2] ?? NaN)), 4);
  expect(report.views[2]?.entropyBefore).toBe(first?.viewEntropies[2]);
  // The square in the centre, where the picture was made 96 x 64 pixels small for it.
  expect(report.views[0], "the centre of 451 x 300 pixels").toEqual(
    expect.objectContaining({ box: { left: 75, top: 0, width: 301, height: 300 }, flip: false }),
  );
  expect(progress).toContainEqual({ stage: "encoding", viewsDone: 5, viewsTotal: 5 });
  // Of three chunks two are done: told as that share of the views.
  expect(progress).toContainEqual({ stage: "stepping", step: 2, steps: 2, viewsDone: 3, viewsTotal: 5 });
});

test("the engine tells how much memory it has needed", async ({ page }) => {
  await load(page);
  const { loaded, adapted, residentBytes } = await page.evaluate(async (labels) => {
    const { clip } = window;
    const loaded = await clip.memoryBytes();
    await clip.adapt("./samples/chelsea.png", labels, { views: 16 }).result;
    return { loaded, adapted: await clip.memoryBytes(), residentBytes: clip.model.residentBytes };
  }, LABELS);
  expect(loaded % 65_536, "whole pages").toBe(0);
  expect(loaded).toBeGreaterThan(residentBytes);
  expect(loaded, "the model and what loading it takes").toBeLessThan(residentBytes + 128 * 2 ** 20);
  expect(adapted, "it never shrinks").toBeGreaterThanOrEqual(loaded);
});

test("a picture may come in many forms", async ({ page }) => {
  await load(page);
  const answers = await page.evaluate(async (labels) => {
    const url = new URL("./samples/chelsea.png", document.baseURI);
    const blob = await (await fetch(url)).blob();
    const buffer = await blob.arrayBuffer();
    const image = new Image();
    image.src = url.href;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("no canvas");
    context.drawImage(image, 0, 0);
    const offscreen = new OffscreenCanvas(image.width, image.height);
    offscreen.getContext("2d")?.drawImage(image, 0, 0);
    const dataUrl = await new Promise<string>((resolve) => {
      const reader = new FileReader();
      reader.onload = () => resolve(String(reader.result));
      reader.readAsDataURL(blob);
    });
    const inputs: Record<string, ImageInput> = {
      "a File": new File([blob], "cat.png"),
      "a Blob": blob,
      "a relative address": "./samples/chelsea.png",
      "a URL": url,
      "a data: address": dataUrl,
      "a blob: address": URL.createObjectURL(blob),
      "an ArrayBuffer": buffer,
      "a Uint8Array": new Uint8Array(buffer),
      "an <img>": image,
      "a <canvas>": canvas,
      "an OffscreenCanvas": offscreen,
      ImageData: context.getImageData(0, 0, image.width, image.height),
      "an ImageBitmap": await createImageBitmap(blob),
    };
    const answers: Record<string, LabelScore[]> = {};
    for (const [name, input] of Object.entries(inputs)) answers[name] = await window.clip.classify(input, labels);
    // What was handed over is still the caller's.
    answers["the ArrayBuffer again"] = await window.clip.classify(buffer, labels);
    return answers;
  }, LABELS);
  const expected = answers["a File"];
  expect(expected?.[0]?.label).toBe("cat");
  for (const [name, scores] of Object.entries(answers)) {
    expect(scores.map(({ label }) => label), name).toEqual(expected?.map(({ label }) => label));
    for (const [index, { score }] of scores.entries()) expect(score, name).toBeCloseTo(expected?.[index]?.score ?? NaN, 4);
  }
});

test("every error has a code, a reason, and advice", async ({ page, watch }) => {
  watch.allowError(/404 \(Not Found\)|ERR_FILE_NOT_FOUND \(blob:/);
  await load(page);
  const errors = await page.evaluate(failures, LABELS);
  const codes = Object.fromEntries(Object.entries(errors).map(([name, { code }]) => [name, code]));
  expect(codes).toEqual({
    "no labels": "labels-none",
    "an empty label": "label-empty",
    "a label twice": "label-duplicate",
    "one label, adapted": "labels-too-few",
    "labels that are no list": "argument-invalid",
    "a template without a place": "template-invalid",
    "an option out of range": "option-invalid",
    "an option of another type": "option-invalid",
    "an unknown option": "option-invalid",
    "an unknown method": "method-unknown",
    "null as picture": "image-unsupported",
    "a number as picture": "image-unsupported",
    "no bytes": "picture-empty",
    "a closed bitmap": "picture-empty",
    "text as picture": "picture-unknown-format",
    "half a picture": "picture-corrupt",
    "an address that is none": "url-invalid",
    "a scheme that can't be fetched": "url-invalid",
    "a missing file": "http-status",
    "a page": "picture-unknown-format",
    "a released blob: address": "network",
    "an unknown model": "model-unknown",
    "a model without weights": "model-unknown",
    "another device": "argument-invalid",
    "no recording": "recording-invalid",
  });
  for (const [name, { isClipTtlError, isError, message, reason, advice, option }] of Object.entries(errors)) {
    expect(isClipTtlError && isError, name).toBe(true);
    expect(reason.length, name).toBeGreaterThan(5);
    expect(advice.length, name).toBeGreaterThan(10);
    expect(message, name).toMatch(/^\S.*[.!?] \S.*[.)"]$/s);
    expect(message, name).toContain(advice);
    if (codes[name] === "option-invalid") expect(option, name).not.toBeNull();
  }
  expect(errors["an option out of range"]?.option).toBe("cropScale[0]");
  // After all that, the engine works.
  expect(await page.evaluate((labels) => window.clip.classify("./samples/chelsea.png", labels), LABELS)).toHaveLength(4);
});

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly reason: string;
  readonly advice: string;
  readonly option: string | null;
  readonly isClipTtlError: boolean;
  readonly isError: boolean;
}

/** Runs in the page: everything that can be asked wrongly. */
async function failures(labels: string[]): Promise<Record<string, Failure>> {
  const { ClipTtl, ClipTtlError, adviceFor } = window.clipTtl;
  const { clip } = window;
  const picture = "./samples/chelsea.png";
  const any = (value: unknown): never => value as never;
  const bytes = await (await fetch(picture)).arrayBuffer();
  const bitmap = await createImageBitmap(new Blob([bytes]));
  bitmap.close();
  const released = URL.createObjectURL(new Blob([bytes]));
  URL.revokeObjectURL(released);
  const adapt = (options: object): Promise<unknown> => clip.adapt(picture, labels, { views: 2, ...options }).result;
  const attempts: Record<string, () => Promise<unknown>> = {
    "no labels": () => clip.classify(picture, []),
    "an empty label": () => clip.classify(picture, ["cat", " "]),
    "a label twice": () => clip.classify(picture, ["cat", "dog", "cat "]),
    "one label, adapted": () => clip.adapt(picture, ["cat"]).result,
    "labels that are no list": () => clip.classify(picture, any("cat, dog")),
    "a template without a place": () => clip.classify(picture, labels, { template: "a photo" }),
    "an option out of range": () => adapt({ cropScale: [-1, 1] }),
    "an option of another type": () => adapt({ steps: "two" }),
    "an unknown option": () => adapt({ ranks: 4 }),
    "an unknown method": () => adapt({ method: "magic" }),
    "null as picture": () => clip.classify(any(null), labels),
    "a number as picture": () => clip.classify(any(7), labels),
    "no bytes": () => clip.classify(new Blob([]), labels),
    "a closed bitmap": () => clip.classify(bitmap, labels),
    "text as picture": () => clip.classify(new Blob(["This is no picture."]), labels),
    "half a picture": () => clip.classify(bytes.slice(0, bytes.byteLength / 2), labels),
    "an address that is none": () => clip.classify("http://", labels),
    "a scheme that can't be fetched": () => clip.classify("ftp://127.0.0.1/cat.png", labels),
    "a missing file": () => clip.classify("./no-such-picture.png", labels),
    "a page": () => clip.classify("./index.html", labels),
    "a released blob: address": () => clip.classify(released, labels),
    "an unknown model": () => ClipTtl.load({ model: any("gigantic") }),
    "a model without weights": () => ClipTtl.load({ model: any({ name: "half", config: "./config.json" }) }),
    "another device": () => ClipTtl.load({ device: any("abacus") }),
    "no recording": () => clip.verify(new Blob(["nothing"])),
  };
  const found: Record<string, Failure> = {};
  for (const [name, attempt] of Object.entries(attempts)) {
    const error: unknown = await attempt().then(
      () => new Error("this did not fail"),
      (reason: unknown) => reason,
    );
    const isClipTtlError = error instanceof ClipTtlError;
    found[name] = {
      code: isClipTtlError ? error.code : `none: ${String(error)}`,
      message: String(isClipTtlError ? error.message : error),
      reason: isClipTtlError ? error.reason : "",
      advice: isClipTtlError ? adviceFor(error.code) : "",
      option: isClipTtlError ? error.option : null,
      isClipTtlError,
      isError: error instanceof Error,
    };
  }
  return found;
}

test("the package's files may lie in another folder", async ({ page }) => {
  await page.route("**/elsewhere/**", async (route) => {
    const response = await route.fetch({ url: route.request().url().replace("/elsewhere/", "/clip-ttl/") });
    await route.fulfill({ response });
  });
  const requested = requestsOf(page);
  await page.evaluate(async () => {
    window.clipTtl.setAssetBase("./elsewhere");
    window.clip = await window.clipTtl.ClipTtl.load({ device: "cpu" });
  });
  expect(requested.filter((path) => !path.startsWith("/elsewhere/"))).toEqual([]);
  for (const file of ["worker.js", "clip_ttl_cpu_bg.wasm", "models/pocket/model.safetensors"]) expect(requested).toContain(`/elsewhere/${file}`);
  expect(await page.evaluate((labels) => window.clip.classify("./samples/chelsea.png", labels), LABELS)).toHaveLength(4);
});

test("the package's files may lie on another site, where the page's own worker imports them from", async ({ page, watch }) => {
  const cdn = "http://cdn.localhost/";
  watch.allowRequest(/^http:\/\/cdn\.localhost\//);
  await page.route(`${cdn}**`, async (route) => {
    const site = new URL("./clip-ttl/", page.url()).href;
    const response = await route.fetch({ url: route.request().url().replace(`${cdn}clip-ttl@1/`, site) });
    await route.fulfill({ response, headers: { ...response.headers(), "access-control-allow-origin": "*" } });
  });
  const kind = await page.evaluate(async (assetBase) => {
    window.clip = await window.clipTtl.ClipTtl.load({ device: "cpu", assetBase });
    return window.clip.device.kind;
  }, `${cdn}clip-ttl@1`);
  expect(kind).toBe("cpu");
  expect(page.workers().map((worker) => worker.url().split(":")[0])).toEqual(["blob"]);
  expect(await page.evaluate((labels) => window.clip.classify("./samples/chelsea.png", labels), LABELS)).toHaveLength(4);
});

/** Paths that are asked for from now on. */
function requestsOf(page: Page): string[] {
  const paths: string[] = [];
  page.on("request", (request) => void paths.push(new URL(request.url()).pathname));
  return paths;
}

function entropyOf(probabilities: readonly number[]): number {
  return probabilities.reduce((sum, probability) => sum - probability * Math.log(probability), 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
