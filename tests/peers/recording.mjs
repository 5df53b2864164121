/**
 * An episode of the model that ships as PyTorch recorded it (`tests/oracle/README.md`), and how far others' numbers are from it. Everyone
 * begins from it: from its views, its text features and its first adapters.
 */

import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";

import { readRecording, tensorOf, transposed } from "./weights.mjs";

const FILE = new URL("../fixtures/ttl-pocket-chelsea.safetensors", import.meta.url);
/** In f32, the same mathematics in another order of operations differs by less. */
export const TOLERANCE = 1e-3;

/**
 * The largest difference of each quantity, as `largestDifference` has it or as `clip-ttl verify` does, by the quantity's name.
 * @typedef {Record<string, number>} Differences
 *
 * @typedef {object} Recording
 * @property {any} settings
 * @property {Map<string, import("./weights.mjs").Tensor>} tensors Matrices of adapters, and their gradients, are `[inputs, outputs]`.
 * @property {string} base64 The file itself.
 */

/**
 * @param {Record<string, unknown>} recipe TTL's settings
 * @param {number} labels
 * @returns {Promise<Recording>}
 * @throws where it was recorded with other settings, or another number of labels
 */
export async function recordedEpisode(recipe, labels) {
  const { settings, tensors } = await readRecording(FILE);
  const { rank, alpha, targets, layers, margin, lr, betas, eps, weight_decay: weightDecay } = settings;
  const recorded = { rank, alpha, targets, layers: layers[1] - layers[0] + 1, margin, learningRate: lr, betas, epsilon: eps, weightDecay };
  if (!isDeepStrictEqual(recorded, recipe)) {
    throw new Error(`${FILE} was recorded with ${JSON.stringify(recorded)}, not with ${JSON.stringify(recipe)}`);
  }
  const [count] = tensorOf(tensors, "text_features").shape;
  if (count !== labels) {
    throw new Error(`${FILE} was recorded with ${count} labels, not with ${labels}`);
  }
  const asMultiplied = [...tensors].map(([name, tensor]) => [name, /\.lora_[AB]$/.test(name) ? transposed(tensor) : tensor]);
  return { settings, tensors: new Map(asMultiplied), base64: await readFile(FILE, "base64") };
}

/** How many views the recording has. */
export function viewsOf(/** @type {Recording} */ { tensors }) {
  return tensorOf(tensors, "views").shape[0];
}

/**
 * Of features of the recorded views, over and over.
 * @param {Recording} recording
 * @param {number[]} features Row after row.
 */
export function featureDifference({ tensors }, features) {
  const recorded = tensorOf(tensors, "image_features").values;
  return largestDifference(
    features,
    features.map((_, index) => recorded[index % recorded.length]),
  );
}

/**
 * Of the first step, and of the prediction after it.
 * @param {Recording} recording
 * @param {{ loss: number[], gradients: Record<string, number[]>, parameters: Record<string, number[]>, prediction: number[] }} found
 * @returns {Differences}
 */
export function stepDifferences(recording, { loss, gradients, parameters, prediction }) {
  const { settings, tensors } = recording;
  const names = [...tensors.keys()].filter((name) => name.startsWith("step0.grad.")).map((name) => name.slice("step0.grad.".length));
  const values = (/** @type {string} */ name) => tensorOf(tensors, name).values;
  const ofParameter = (/** @type {string} */ name) => {
    const gradient = values(`step0.grad.${name}`);
    // AdamW's first step is the gradient's sign, which rounding decides where the gradient is nearly 0.
    const least = TOLERANCE * largest(gradient);
    const isClear = (/** @type {number} */ index) => gradient[index] === 0 || Math.abs(gradient[index]) > least;
    return largestDifference(parameters[name] ?? [], values(`step0.after.${name}`), isClear);
  };
  return {
    loss: largestDifference(loss, [settings.log[0].loss]),
    gradients: Math.max(...names.map((name) => largestDifference(gradients[name] ?? [], values(`step0.grad.${name}`)))),
    parameters: Math.max(...names.map(ofParameter)),
    prediction: predictionDifference(recording, prediction),
  };
}

/**
 * Of the first view's probabilities after the first step.
 * @param {Recording} recording
 * @param {number[]} probabilities
 */
export function predictionDifference({ tensors }, probabilities) {
  const exponentials = [...tensorOf(tensors, "step0.prediction_logits").values].map((logit) => Math.exp(logit));
  const sum = exponentials.reduce((sum, value) => sum + value, 0);
  return largestDifference(
    probabilities,
    exponentials.map((value) => value / sum),
  );
}

/**
 * The largest difference, as a part of the largest recorded value. What is missing, or no number, is infinitely far away.
 * @param {ArrayLike<number>} found
 * @param {ArrayLike<number>} recorded
 * @param {(index: number) => boolean} counts Which values are compared.
 */
function largestDifference(found, recorded, counts = () => true) {
  if (found.length !== recorded.length) {
    return Infinity;
  }
  const differences = Array.from(recorded, (value, index) => (counts(index) ? found[index] - value : 0));
  const difference = largest(differences);
  if (Number.isNaN(difference)) {
    return Infinity;
  }
  return difference === 0 ? 0 : difference / largest(recorded);
}

/** The largest absolute value; NaN where one of them is. */
function largest(/** @type {ArrayLike<number>} */ values) {
  return Array.from(values).reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}
