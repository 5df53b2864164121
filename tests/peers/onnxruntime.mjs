/**
 * clip-ttl's whole episode beside ONNX Runtime's plain forward pass of as many views, in one Chromium, one thread each, one after the
 * other in turns: `node onnxruntime.mjs SITE vision.onnx [rounds]`, where SITE is the address that `cargo xtask serve` prints. The ONNX file
 * comes from `export_vision.py`. Prints each time and the ratios of the medians.
 */

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { argv, env, exit } from "node:process";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const [site, model, rounds = "5"] = argv.slice(2);
if (site === undefined || model === undefined) {
  console.error("usage: node onnxruntime.mjs SITE vision.onnx [rounds]");
  exit(2);
}
const VIEWS = 64;
const LABELS = ["cow", "sheep", "horse", "deer", "zebra", "camel", "donkey", "dog", "goat", "pig"];
const RUNTIME = fileURLToPath(new URL("node_modules/onnxruntime-web", import.meta.url));
const { version } = JSON.parse(await readFile(join(RUNTIME, "package.json"), "utf8"));
const TYPES = { html: "text/html", mjs: "text/javascript", wasm: "application/wasm" };

/** The peer's page, its library and the model, from this machine. */
const server = createServer(async (request, response) => {
  const name = new URL(request.url, "http://peer").pathname.slice(1);
  try {
    const file = name === "vision.onnx" ? model : join(RUNTIME, "dist", name.replaceAll("..", ""));
    const body = name === "" ? "<!doctype html><title>ONNX Runtime</title>" : await readFile(file);
    const type = TYPES[name === "" ? "html" : name.split(".").at(-1)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type }).end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const browser = await chromium.launch({ executablePath: env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const theirs = await browser.newPage();
  await theirs.goto(`http://127.0.0.1:${server.address().port}/`);
  await theirs.evaluate(async (views) => {
    const ort = await import("/ort.wasm.min.mjs");
    ort.env.wasm.numThreads = 1;
    globalThis.session = await ort.InferenceSession.create("/vision.onnx", { executionProviders: ["wasm"] });
    const [, channels, height, width] = globalThis.session.inputMetadata?.[0]?.shape ?? [views, 3, 64, 64];
    const values = Float32Array.from({ length: views * channels * height * width }, (_, index) => ((index * 37) % 101) / 50 - 1);
    globalThis.feeds = { pixels: new ort.Tensor("float32", values, [views, channels, height, width]) };
  }, VIEWS);
  const ours = await browser.newPage();
  await ours.goto(new URL("compare.html", site).href);
  await ours.evaluate(async () => {
    const { ClipTtl } = await import("clip-ttl");
    globalThis.clip = await ClipTtl.load({ device: "cpu" });
    globalThis.picture = await (await fetch("samples/horses.jpg")).blob();
  });
  const forward = () =>
    theirs.evaluate(async () => {
      const start = performance.now();
      await globalThis.session.run(globalThis.feeds);
      return performance.now() - start;
    });
  const episode = (steps) =>
    ours.evaluate(
      async ({ labels, steps, views }) => {
        const start = performance.now();
        await globalThis.clip.adapt(globalThis.picture, labels, { steps, views, seed: 1 }).result;
        return performance.now() - start;
      },
      { labels: LABELS, steps, views: VIEWS },
    );
  // The first run of each compiles, and encodes the labels.
  await forward();
  await episode(1);
  const times = { forward: [], one: [], ten: [] };
  for (let round = 0; round < Number(rounds); round++) {
    times.forward.push(await forward());
    times.one.push(await episode(1));
    times.ten.push(await episode(10));
    console.log(Object.entries(times).map(([name, list]) => `${name} ${(list.at(-1) / 1000).toFixed(2)} s`).join(", "));
  }
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
  const ratio = (list) => (median(list) / median(times.forward)).toFixed(2);
  console.log(`ONNX Runtime Web ${version}, wasm, one thread, f32, forward pass of ${VIEWS} views: ${(median(times.forward) / 1000).toFixed(2)} s`);
  console.log(`clip-ttl, CPU device, a whole episode of one step: ${ratio(times.one)} x that; of ten steps: ${ratio(times.ten)} x`);
} finally {
  await browser.close();
  server.close();
}
