/** What is compared: each contestant's page, what it needs there, how its numbers are checked, and the pieces of work that are timed. */

import { readFile } from "node:fs/promises";

import { visionTower } from "./onnx.mjs";
import { featureDifference, predictionDifference, stepDifferences, viewsOf } from "./recording.mjs";
import { packed, tensorOf, transposed } from "./weights.mjs";

/** TTL's settings, the same for all who adapt. */
export const RECIPE = {
  rank: 16,
  alpha: 32,
  targets: ["q_proj", "v_proj"],
  layers: 3,
  margin: 0.4,
  learningRate: 5e-3,
  betas: [0.9, 0.999],
  epsilon: 1e-8,
  weightDecay: 0.01,
};
export const LABELS = ["cow", "sheep", "horse", "deer", "zebra", "camel", "donkey", "dog", "goat", "pig"];
/** Of clip-ttl's crops and first adapters. */
const SEED = 1;
/** Of a prediction: AdamW's first step is the gradient's sign, and rounding decides a few of these. */
const PREDICTION_TOLERANCE = 1e-2;

/**
 * @typedef {import("playwright-core").Page} Page
 * @typedef {"cpu" | "webgpu"} Device
 * @typedef {object} Surroundings
 * @property {string} site Where clip-ttl's site is served.
 * @property {string} address Where the peers are served, with a slash at its end.
 * @property {Map<string, Uint8Array>} made What the peers' server has in memory; the recording is there as `recording`.
 * @property {Device} device
 * @property {number} views
 * @property {{ config: any, tensors: Map<string, import("./weights.mjs").Tensor> }} checkpoint
 *
 * @typedef {object} Check
 * @property {import("./recording.mjs").Differences} differences From the recording.
 * @property {Record<string, number>} [limits] Of quantities that may be further away from it than the others.
 *
 * @typedef {object} Contestant
 * @property {string} title
 * @property {URL} manifest The package.json that has its version.
 * @property {Record<Device, Record<string, string>>} tasks What is timed, by its name in the results.
 * @property {(page: Page, surroundings: Surroundings) => Promise<string>} start Until it can compute; gives what it computes with.
 * @property {(page: Page, recording: import("./recording.mjs").Recording, views: number) => Promise<Check>} check Does what was recorded.
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
    await open(page, address, "/pages/onnxruntime.js", { device, shape: pixelShape(checkpoint.config, views) });
    return BACKENDS[device];
  },
  check: async (page, recording) => ({ differences: { features: featureDifference(recording, await features(page)) } }),
  run: (page) => timed(page, "features"),
};

/** @type {Contestant} */
const jax = {
  title: "jax-js",
  manifest: here("node_modules/@jax-js/jax/package.json"),
  tasks: { cpu: EPISODE, webgpu: EPISODE },
  async start(page, { address, made, device, views, checkpoint }) {
    offer(made, "weights", jaxTensors(checkpoint));
    const { config, tensors } = checkpoint;
    const logitScale = Math.exp(tensorOf(tensors, "logit_scale").values[0]);
    const options = { device, shape: pixelShape(config, views), config, logitScale, recipe: RECIPE };
    await open(page, address, "/pages/jax.js", options);
    return BACKENDS[device];
  },
  async check(page, recording, views) {
    const step = stepDifferences(recording, await page.evaluate(() => globalThis.peer.replay()));
    const differences = { features: featureDifference(recording, await features(page)), ...step };
    if (views % viewsOf(recording) !== 0) {
      return { differences };
    }
    // With each view as often as any other, the loss's mean is the recorded one: what is timed must end in the recorded prediction.
    const timed = predictionDifference(recording, await page.evaluate(() => globalThis.peer.episode()));
    return { differences: { ...differences, "timed prediction": timed }, limits: { "timed prediction": PREDICTION_TOLERANCE } };
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
      globalThis.episodes = 0;
      return globalThis.clip.model.dtype;
    }, device);
    return `${device === "webgpu" ? "WebGPU" : "CPU"} device, ${weights}`;
  },
  check: (page, { base64 }) =>
    page.evaluate(async (base64) => {
      const file = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const { quantities } = await globalThis.clip.verify(file.buffer);
      return { differences: Object.fromEntries(quantities.map(({ name, largestError }) => [name, largestError])) };
    }, base64),
  run: (page, task, views) =>
    page.evaluate(
      async ({ labels, options }) => {
        // The same picture in another file, as decoders stop where the picture ends: the engine would not decode the last file again, and
        // would go on from the last episode of it where more steps are asked for.
        globalThis.episodes += 1;
        const picture = new Blob([globalThis.picture, Uint32Array.of(globalThis.episodes)], { type: globalThis.picture.type });
        const start = performance.now();
        await globalThis.clip.adapt(picture, labels, options).result;
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
 * Makes tensors ready for `loadArrays` in the peers' pages.
 * @param {Map<string, Uint8Array>} made
 * @param {string} name
 * @param {Map<string, import("./weights.mjs").Tensor>} tensors
 */
export function offer(made, name, tensors) {
  const { index, bytes } = packed(tensors);
  made.set(`${name}.json`, new TextEncoder().encode(JSON.stringify(index)));
  made.set(`${name}.bin`, bytes);
}

/**
 * The features that a peer's tower gives for the views that are timed, row after row.
 * @param {Page} page
 * @returns {Promise<number[]>}
 */
function features(page) {
  return page.evaluate(async () => [...(await globalThis.peer.features())]);
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
