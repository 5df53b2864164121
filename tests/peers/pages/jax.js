/** TTL's episode written with jax-js, inside the page: the same work as clip-ttl's, with the library's own gradient. */

import { blockUntilReady, defaultDevice, init, jit, lax, nn, numpy as np, tree, valueAndGrad } from "/jax-js/index.js";
import { VisionTower } from "/pages/jax-tower.js";
import { normal } from "/pages/random.js";

/**
 * @param {{
 *   device: "cpu" | "webgpu", shape: number[], seed: number, labels: number, config: any, logitScale: number,
 *   recipe: typeof import("../peers.mjs").RECIPE,
 * }} options `shape` is that of the pixels.
 */
export async function start({ device, shape, seed, labels, config, logitScale, recipe }) {
  if (typeof SharedArrayBuffer !== "undefined") {
    throw new Error("this page has SharedArrayBuffer, with which jax-js would start more threads than one");
  }
  const backend = device === "webgpu" ? "webgpu" : "wasm";
  if (!(await init(backend)).includes(backend)) {
    throw new Error(`jax-js has no ${backend} here`);
  }
  defaultDevice(backend);

  const weights = await loadWeights();
  const tower = new VisionTower(config, weights, recipe.alpha / recipe.rank);
  const first = tower.blocks - recipe.layers;
  const pixels = normal(
    shape.reduce((product, size) => product * size, 1),
    seed,
  );
  // Text features are computed once for a set of labels, so an episode finds them there; which ones changes no time.
  const texts = unit(np.array(normal(labels * config.projection_dim, seed + 1)).reshape([labels, config.projection_dim]));
  const initial = initialAdapters(tower, recipe, seed + 2);
  const zeros = () => tree.map((array) => np.zerosLike(array.ref), initial);

  const logitsOf = (adapters, tokens) => np.matmul(unit(tower.tail(tokens, first, adapters)), texts.ref.transpose()).mul(logitScale);
  const trunk = jit((pixels) => tower.trunk(pixels, first));
  const features = jit((pixels) => tower.tail(tower.trunk(pixels, first), first, null));
  const entropies = jit((adapters, tokens) => consuming(adapters, rowEntropies(logitsOf(adapters, tokens))));
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

    /** A whole episode of one step. */
    async episode() {
      const tokens = trunk(upload());
      const [value, adapters, means, squares] = step(tree.ref(initial), zeros(), zeros(), tokens.ref);
      tree.dispose([value, means, squares]);
      const probabilities = await predict(adapters, tokens).data();
      return [...probabilities];
    },

    /** The mean of the views' entropies before the step and after it, in nats. */
    async meanEntropies() {
      const tokens = trunk(upload());
      const before = entropies(tree.ref(initial), tokens.ref).mean();
      const [value, adapters, means, squares] = step(tree.ref(initial), zeros(), zeros(), tokens.ref);
      const after = entropies(adapters, tokens).mean();
      tree.dispose([value, means, squares]);
      await blockUntilReady([before, after]);
      return { before: (await before.data())[0], after: (await after.data())[0] };
    },
  };
}

/** The numbers that `packed` made: `weights.json` says where in `weights.bin` each array lies. */
async function loadWeights() {
  const index = await (await fetch("/made/weights.json")).json();
  const buffer = await (await fetch("/made/weights.bin")).arrayBuffer();
  return new Map(
    Object.entries(index).map(([name, { shape, offset, count }]) => [name, np.array(new Float32Array(buffer, offset, count)).reshape(shape)]),
  );
}

/** As LoRA begins: one factor random with the variance of Xavier, the other 0, so that the adapters change nothing yet. */
function initialAdapters(tower, { rank, layers }, seed) {
  const deviation = Math.sqrt(2 / (tower.width + rank));
  const factors = (place) => ({
    down: np.array(normal(tower.width * rank, seed + place).map((value) => value * deviation)).reshape([tower.width, rank]),
    up: np.zeros([rank, tower.width]),
  });
  return Array.from({ length: layers }, (_, index) => ({ query: factors(2 * index), value: factors(2 * index + 1) }));
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
