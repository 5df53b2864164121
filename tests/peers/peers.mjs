/** What is compared: each contestant's page, what it needs there, and the pieces of work that are timed. */

import { readFile } from "node:fs/promises";

import { visionTower } from "./onnx.mjs";
import { packed, tensorOf, transposed } from "./weights.mjs";

/** TTL's settings, the same for all who adapt. */
export const RECIPE = { rank: 16, alpha: 32, layers: 3, margin: 0.4, learningRate: 5e-3, betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.01 };
const LABELS = ["cow", "sheep", "horse", "deer", "zebra", "camel", "donkey", "dog", "goat", "pig"];
/** Of the random pixels, and of what else is drawn at random. */
const SEED = 1;

/**
 * @typedef {import("playwright-core").Page} Page
 * @typedef {"cpu" | "webgpu"} Device
 * @typedef {object} Surroundings
 * @property {string} site Where clip-ttl's site is served.
 * @property {string} address Where the peers are served, with a slash at its end.
 * @property {Map<string, Uint8Array>} made What the peers' server has in memory.
 * @property {Device} device
 * @property {number} views
 * @property {{ config: any, tensors: Map<string, import("./weights.mjs").Tensor> }} checkpoint
 *
 * @typedef {object} Contestant
 * @property {string} title
 * @property {URL} manifest The package.json that has its version.
 * @property {Record<Device, Record<string, string>>} tasks What is timed, by its name in the results.
 * @property {(page: Page, surroundings: Surroundings) => Promise<string>} start Until it can compute; gives what it computes with.
 * @property {(page: Page, task: string, views: number) => Promise<number>} run Does a task once, and gives its time in milliseconds.
 */

const BACKENDS = { cpu: "wasm, f32", webgpu: "WebGPU, f32" };
const FORWARD = { forward: "forward pass" };
const EPISODE = { episode: "whole episode, 1 step" };

const here = (/** @type {string} */ path) => new URL(path, import.meta.url);

/** @type {Contestant} */
const onnxruntime = {
  title: "ONNX Runtime Web",
  manifest: here("node_modules/onnxruntime-web/package.json"),
  tasks: { cpu: FORWARD, webgpu: FORWARD },
  async start(page, { address, made, device, views, checkpoint }) {
    made.set("vision.onnx", visionTower(checkpoint, views));
    const options = { device, shape: pixelShape(checkpoint.config, views), seed: SEED };
    await open(page, address, "/pages/onnxruntime.js", options);
    return BACKENDS[device];
  },
  run: (page) => timed(page, "features"),
};

/** @type {Contestant} */
const jax = {
  title: "jax-js",
  manifest: here("node_modules/@jax-js/jax/package.json"),
  tasks: { cpu: EPISODE, webgpu: EPISODE },
  async start(page, { address, made, device, views, checkpoint }) {
    const { index, bytes } = packed(jaxTensors(checkpoint));
    made.set("weights.json", new TextEncoder().encode(JSON.stringify(index)));
    made.set("weights.bin", bytes);
    const { config, tensors } = checkpoint;
    const logitScale = Math.exp(tensorOf(tensors, "logit_scale").values[0]);
    const options = { device, shape: pixelShape(config, views), seed: SEED, labels: LABELS.length, config, logitScale, recipe: RECIPE };
    await open(page, address, "/pages/jax.js", options);
    return BACKENDS[device];
  },
  run: (page) => timed(page, "episode"),
};

/** @type {Contestant} */
const clipTtl = {
  title: "clip-ttl",
  manifest: here("../../web/package.json"),
  // In software, ten steps on WebGPU take many minutes.
  tasks: { cpu: { one: "whole episode, 1 step", ten: "whole episode, 10 steps" }, webgpu: { one: "whole episode, 1 step" } },
  async start(page, { site, device }) {
    await page.goto(new URL("compare.html", site).href);
    const weights = await page.evaluate(async (device) => {
      const { ClipTtl } = await import("clip-ttl");
      globalThis.clip = await ClipTtl.load({ device });
      globalThis.picture = await (await fetch("samples/horses.jpg")).blob();
      return globalThis.clip.model.dtype;
    }, device);
    return `${device === "webgpu" ? "WebGPU" : "CPU"} device, ${weights}`;
  },
  run: (page, task, views) =>
    page.evaluate(
      async ({ labels, options }) => {
        const start = performance.now();
        await globalThis.clip.adapt(globalThis.picture, labels, options).result;
        return performance.now() - start;
      },
      { labels: LABELS, options: { ...RECIPE, views, seed: SEED, steps: task === "ten" ? 10 : 1 } },
    ),
};

/** In the order of their turns. */
export const CONTESTANTS = { onnxruntime, jax, "clip-ttl": clipTtl };
/** Those that can be chosen; clip-ttl always takes part. */
export const PEERS = Object.keys(CONTESTANTS).filter((name) => name !== "clip-ttl");

/** @param {Contestant} contestant */
export async function versionOf(contestant) {
  return JSON.parse(await readFile(contestant.manifest, "utf8")).version;
}

/**
 * The features that a peer's tower gives for the fixed input, row after row.
 * @param {Page} page
 * @returns {Promise<number[]>}
 */
export function features(page) {
  return page.evaluate(async () => [...(await globalThis.peer.features())]);
}

/**
 * The mean entropy of the views before the step of jax-js and after it, in nats.
 * @param {Page} page
 * @returns {Promise<{ before: number, after: number }>}
 */
export function meanEntropies(page) {
  return page.evaluate(() => globalThis.peer.meanEntropies());
}

/** Opens the peers' page, and starts there what a module exports as `start`. */
async function open(page, address, module, options) {
  await page.goto(address);
  await page.evaluate(
    async ({ module, options }) => {
      const { start } = await import(module);
      globalThis.peer = await start(options);
    },
    { module, options },
  );
}

/** @returns {Promise<number>} The time that the peer's method takes, in milliseconds. */
function timed(page, method) {
  return page.evaluate(async (method) => {
    const start = performance.now();
    await globalThis.peer[method]();
    return performance.now() - start;
  }, method);
}

function pixelShape({ vision_config: { num_channels: channels = 3, image_size: side } }, views) {
  return [views, channels, side, side];
}

/** The vision tower's tensors as jax-js multiplies by them: matrices are `[inputs, outputs]`. */
function jaxTensors({ config, tensors }) {
  const patchEmbedding = "vision_model.embeddings.patch_embedding.weight";
  const isMatrix = (name) => name === patchEmbedding || /_proj\.weight$|\.fc[12]\.weight$|^visual_projection\.weight$/.test(name);
  const width = config.vision_config.hidden_size;
  const names = [...tensors.keys()].filter((name) => name.startsWith("vision_model.") || name.startsWith("visual_projection."));
  return new Map(
    names.map((name) => {
      const { shape, values } = tensorOf(tensors, name);
      // A convolution's kernel may have four dimensions.
      const tensor = { shape: name === patchEmbedding ? [width, values.length / width] : shape, values };
      return [name, isMatrix(name) ? transposed(tensor) : tensor];
    }),
  );
}
