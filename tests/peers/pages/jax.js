/** TTL's episode written with jax-js, inside the page: the same work as clip-ttl's, with the library's own gradient. */

import { defaultDevice, init, jit, lax, nn, numpy as np, tree, valueAndGrad } from "/jax-js/index.js";
import { filled, loadArrays } from "/pages/arrays.js";
import { VisionTower } from "/pages/jax-tower.js";

/** The adapters' names in a recording, and in the tower. */
const PROJECTIONS = { q_proj: "query", v_proj: "value" };
const FACTORS = { lora_A: "down", lora_B: "up" };

/**
 * The episode begins with the text features and the first adapters of the recording: text features are computed once for a set of labels,
 * so an episode finds them there.
 * @param {{
 *   device: "cpu" | "webgpu", shape: number[], config: any, logitScale: number, recipe: typeof import("../peers.mjs").RECIPE,
 * }} options `shape` is that of the pixels, which are the recorded views' over and over.
 */
export async function start({ device, shape, config, logitScale, recipe }) {
  if (typeof SharedArrayBuffer !== "undefined") {
    throw new Error("this page has SharedArrayBuffer, with which jax-js would start more threads than one");
  }
  const backend = device === "webgpu" ? "webgpu" : "wasm";
  if (!(await init(backend)).includes(backend)) {
    throw new Error(`jax-js has no ${backend} here`);
  }
  defaultDevice(backend);

  const weights = new Map([...(await loadArrays("weights"))].map(([name, numbers]) => [name, arrayOf(numbers)]));
  const recording = await loadArrays("recording");
  const tower = new VisionTower(config, weights, recipe.alpha / recipe.rank);
  const first = tower.blocks - recipe.layers;
  const pixels = filled(recording.get("views").values, shape);
  const texts = unit(arrayOf(recording.get("text_features")));
  const initial = adaptersOf(recording, "init", first, tower.blocks);
  const zeros = () => tree.map((array) => np.zerosLike(array.ref), initial);

  const logitsOf = (adapters, tokens) => np.matmul(unit(tower.tail(tokens, first, adapters)), texts.ref.transpose()).mul(logitScale);
  const trunk = jit((pixels) => tower.trunk(pixels, first));
  const features = jit((pixels) => tower.tail(tower.trunk(pixels, first), first, null));
  const predict = jit((adapters, tokens) => consuming(adapters, nn.softmax(logitsOf(adapters, tokens.slice([0, 1])))));
  const loss = (adapters, tokens) => {
    const entropy = rowEntropies(logitsOf(adapters, tokens));
    // Confident views count more; the weights themselves have no gradient.
    const weight = lax.stopGradient(np.exp(entropy.ref.neg().add(recipe.margin)));
    return consuming(adapters, weight.mul(entropy).mean());
  };
  const step = jit((adapters, means, squares, tokens) => {
    const [value, gradient] = valueAndGrad(loss)(tree.ref(adapters), tokens);
    return [value, ...adamW(adapters, gradient, means, squares, recipe)];
  });
  const upload = () => np.array(pixels).reshape(shape);

  return {
    /** The features of all views, row after row, without adapters. */
    features: () => features(upload()).data(),

    /** A whole episode of one step. Gives the first view's probabilities. */
    async episode() {
      const tokens = trunk(upload());
      const [value, adapters, means, squares] = step(tree.ref(initial), zeros(), zeros(), tokens.ref);
      tree.dispose([value, means, squares]);
      const probabilities = await predict(adapters, tokens).data();
      return [...probabilities];
    },

    /**
     * The recorded episode's first step, on its own views, and the prediction with the adapters that were recorded after it: so no update
     * whose sign rounding decided is in it. Gradients and parameters have the recording's names.
     */
    async replay() {
      const tokens = trunk(arrayOf(recording.get("views")));
      const [value, adapters, means, squares] = step(tree.ref(initial), zeros(), zeros(), tokens.ref);
      tree.dispose(squares);
      // The first moments were 0, so that they are the gradient now, but for a factor.
      const gradient = tree.map((mean) => mean.mul(1 / (1 - recipe.betas[0])), means);
      const prediction = predict(adaptersOf(recording, "step0.after", first, tower.blocks), tokens);
      return {
        loss: [...(await value.data())],
        gradients: await named(gradient, first),
        parameters: await named(adapters, first),
        prediction: [...(await prediction.data())],
      };
    },
  };
}

/** Numbers as jax-js has them. */
function arrayOf({ shape, values }) {
  return np.array(values).reshape(shape);
}

/** The adapters of the blocks from `first` to `end` as they are in a recording under a prefix; they are transposed there already. */
function adaptersOf(recording, prefix, first, end) {
  const array = (name) => arrayOf(recording.get(`${prefix}.layers.${name}`));
  const factors = (projection) => Object.fromEntries(Object.entries(FACTORS).map(([factor, key]) => [key, array(`${projection}.${factor}`)]));
  const adapters = (block) => Object.fromEntries(Object.entries(PROJECTIONS).map(([projection, key]) => [key, factors(`${block}.${projection}`)]));
  return Array.from({ length: end - first }, (_, index) => adapters(first + index));
}

/** The numbers of adapters, which it consumes, by their names in a recording. */
async function named(adapters, first) {
  const result = {};
  for (const [index, adapter] of adapters.entries()) {
    for (const [projection, projectionKey] of Object.entries(PROJECTIONS)) {
      for (const [factor, factorKey] of Object.entries(FACTORS)) {
        const numbers = await adapter[projectionKey][factorKey].data();
        result[`layers.${first + index}.${projection}.${factor}`] = [...numbers];
      }
    }
  }
  return result;
}

/** The first update of AdamW. It consumes its arguments, and gives the new values and moments. */
function adamW(values, gradient, means, squares, { learningRate, betas: [beta1, beta2], epsilon, weightDecay }) {
  const newMeans = tree.map((mean, slope) => mean.mul(beta1).add(slope.ref.mul(1 - beta1)), means, gradient);
  const newSquares = tree.map((square, slope) => square.mul(beta2).add(np.square(slope).mul(1 - beta2)), squares, gradient);
  const update = (value, mean, square) => {
    const denominator = np.sqrt(square.ref.mul(1 / (1 - beta2))).add(epsilon);
    const direction = mean.ref.mul(1 / (1 - beta1)).div(denominator);
    return value.mul(1 - learningRate * weightDecay).sub(direction.mul(learningRate));
  };
  return [tree.map(update, values, newMeans, newSquares), newMeans, newSquares];
}

/** Rows of length 1. */
function unit(rows) {
  return rows.ref.div(np.sqrt(np.square(rows).sum(-1, { keepdims: true })));
}

/** The entropy of each row of logits, in nats. */
function rowEntropies(logits) {
  const logProbabilities = nn.logSoftmax(logits, -1);
  return np.exp(logProbabilities.ref).mul(logProbabilities).sum(-1).neg();
}

/** The result, after the argument was used by `.ref` alone: a function of jax-js has to consume its arguments. */
function consuming(argument, result) {
  tree.dispose(argument);
  return result;
}
