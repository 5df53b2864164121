/** What ONNX Runtime computes, as ONNX models: the vision tower of a CLIP, and chains of products. */

import { Float, Graph } from "./onnx-graph.mjs";
import { BLOCK, tensorOf, transposed } from "./weights.mjs";

/**
 * The vision tower of a CLIP, from the checkpoint's numbers: pixels `[views, 3, side, side]` to features `[views, projection]`, not normalised.
 *
 * The graph is the usual one of an exported CLIP: all tokens go through all blocks, and the class token is taken at the end. It uses
 * operators that ONNX Runtime has fast kernels for: the linear layers are Gemm with their biases, so the tokens of all views are
 * kept as one matrix, and layer norms are one operator each.
 * @param {{ config: any, tensors: Map<string, import("./weights.mjs").Tensor> }} checkpoint
 * @param {number} views The batch, which is fixed, so that the runtime can plan for it.
 * @returns {Uint8Array} The content of an ONNX file with the input `pixels` and the output `features`.
 */
export function visionTower({ config, tensors }, views) {
  const vision = config.vision_config;
  if (vision.hidden_act !== "quick_gelu") {
    throw new Error(`the vision tower's activation is ${vision.hidden_act}, and only quick_gelu is written here`);
  }
  const { hidden_size: width, image_size: side, patch_size: patch, num_attention_heads: heads, num_channels: channels = 3 } = vision;
  const patches = Math.floor(side / patch) ** 2;
  const tokens = patches + 1;
  const headSize = width / heads;
  const projection = config.projection_dim;
  const graph = new Graph();
  const values = (name) => tensorOf(tensors, name).values;
  const constant = (name, shape) => graph.constant(name, shape, values(name));
  const normed = (name, input) =>
    graph.node("LayerNormalization", [input, constant(`${name}.weight`, [width]), constant(`${name}.bias`, [width])], {
      axis: -1,
      epsilon: new Float(vision.layer_norm_eps),
    });
  const matrix = (name) => {
    const { shape, values } = transposed(tensorOf(tensors, `${name}.weight`));
    return graph.constant(`${name}.weight`, shape, values);
  };
  const linear = (name, input) => graph.node("Gemm", [input, matrix(name), constant(`${name}.bias`, [values(`${name}.bias`).length])]);
  const split = (input, order) => graph.node("Transpose", [graph.reshaped(input, [views, tokens, heads, headSize])], { perm: order });

  const attended = (layer, input) => {
    // [views, heads, tokens, head size], the keys transposed.
    const query = split(linear(`${layer}.q_proj`, input), [0, 2, 1, 3]);
    const key = split(linear(`${layer}.k_proj`, input), [0, 2, 3, 1]);
    const value = split(linear(`${layer}.v_proj`, input), [0, 2, 1, 3]);
    const scores = graph.node("Mul", [graph.node("MatMul", [query, key]), graph.scalar(headSize ** -0.5)]);
    const mixed = graph.node("MatMul", [graph.node("Softmax", [scores], { axis: -1 }), value]);
    const merged = graph.reshaped(graph.node("Transpose", [mixed], { perm: [0, 2, 1, 3] }), [views * tokens, width]);
    return linear(`${layer}.out_proj`, merged);
  };
  const perceptron = (layer, input) => {
    const hidden = linear(`${layer}.fc1`, input);
    const gate = graph.node("Sigmoid", [graph.node("Mul", [hidden, graph.scalar(1.702)])]);
    return linear(`${layer}.fc2`, graph.node("Mul", [hidden, gate]));
  };

  const embeddings = "vision_model.embeddings";
  const kernel = constant(`${embeddings}.patch_embedding.weight`, [width, channels, patch, patch]);
  const grid = graph.node("Conv", ["pixels", kernel], { kernel_shape: [patch, patch], strides: [patch, patch] });
  const pieces = graph.node("Transpose", [graph.reshaped(grid, [views, width, patches])], { perm: [0, 2, 1] });
  const classToken = Float32Array.from({ length: views * width }, (_, index) => values(`${embeddings}.class_embedding`)[index % width]);
  const joined = graph.node("Concat", [graph.constant("class_tokens", [views, 1, width], classToken), pieces], { axis: 1 });
  const placed = graph.node("Add", [joined, constant(`${embeddings}.position_embedding.weight`, [tokens, width])]);
  // Hugging Face's name has this spelling.
  let state = normed("vision_model.pre_layrnorm", graph.reshaped(placed, [views * tokens, width]));
  for (let index = 0; index < vision.num_hidden_layers; index++) {
    const layer = `vision_model.encoder.layers.${index}`;
    state = graph.node("Add", [state, attended(`${layer}.self_attn`, normed(`${layer}.layer_norm1`, state))]);
    state = graph.node("Add", [state, perceptron(`${layer}.mlp`, normed(`${layer}.layer_norm2`, state))]);
  }
  const first = graph.node("Gather", [graph.reshaped(state, [views, tokens, width]), graph.integers([], [0])], { axis: 1 });
  graph.node("MatMul", [normed("vision_model.post_layernorm", first), matrix("visual_projection")], {}, "features");
  return graph.model({ pixels: [views, channels, side, side] }, { features: [views, projection] });
}

/**
 * Rows times some matrices, one after the other.
 * @param {Map<string, import("./weights.mjs").Tensor>} tensors `rows`, and the matrices in their order, `[inputs, outputs]`.
 * @param {"f32" | "q8"} format How the matrices are kept. Of q8, 32 numbers share a scale, as in clip-ttl.
 * @returns {Uint8Array} The content of an ONNX file with the input `rows` and the output `product`.
 */
export function productChain(tensors, format) {
  const graph = new Graph();
  const { rows, ...matrices } = Object.fromEntries(tensors);
  const names = Object.keys(matrices);
  let product = "rows";
  for (const name of names) {
    const output = name === names.at(-1) ? "product" : `product_of_${name}`;
    const { shape, values } = matrices[name];
    if (format === "f32") {
      product = graph.node("MatMul", [product, graph.constant(name, shape, values)], {}, output);
    } else {
      const [inputs, outputs] = shape;
      const { codes, scales } = codesOf(transposed(matrices[name]).values);
      const packed = graph.bytes(`${name} codes`, [outputs, inputs / BLOCK, BLOCK], codes);
      const scaled = graph.constant(`${name} scales`, [outputs * (inputs / BLOCK)], scales);
      product = graph.ownNode("MatMulNBits", [product, packed, scaled], { K: inputs, N: outputs, bits: 8, block_size: BLOCK }, output);
    }
  }
  return graph.model({ rows: rows.shape }, { product: [rows.shape[0], matrices[names.at(-1)].shape[1]] });
}

/** Numbers as codes of eight bits around 128, which is the operator's zero, and scales. */
function codesOf(values) {
  const scales = Float32Array.from({ length: values.length / BLOCK }, (_, block) => {
    const largest = values.subarray(block * BLOCK, (block + 1) * BLOCK).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return largest / 127;
  });
  const codes = Uint8Array.from(values, (value, index) => Math.round(value / (scales[Math.floor(index / BLOCK)] || 1)) + 128);
  return { codes, scales };
}
