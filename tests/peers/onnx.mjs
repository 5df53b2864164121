/**
 * Writes the vision tower of a CLIP as an ONNX model, from the checkpoint's numbers: pixels `[views, 3, side, side]` to features
 * `[views, projection]`, not normalised.
 *
 * The graph is the usual one of an exported CLIP: all tokens go through all blocks, and the class token is taken at the end. It uses
 * operators that ONNX Runtime has fast kernels for: the linear layers are Gemm with their biases, so the tokens of all views are
 * kept as one matrix, and layer norms are one operator each.
 */

import { bytesField, float32Field, message, stringField, varintField } from "./protobuf.mjs";
import { tensorOf, transposed } from "./weights.mjs";

/** The first version of the operators that has LayerNormalization. */
const OPERATOR_SET = 17;
/** The version of the file format that came with it. */
const FORMAT_VERSION = 8;
/** ONNX's numbers for element types. */
const FLOAT32 = 1;
const INT64 = 7;
/** ONNX's numbers for types of attributes. */
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INTEGER = 2;
const ATTRIBUTE_INTEGERS = 7;

/**
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

/** A number that is written as a float even where it is whole. */
class Float {
  constructor(/** @type {number} */ value) {
    this.value = value;
  }
}

/** A graph of ONNX that is being written. Each of its methods gives the name of a value. */
class Graph {
  #nodes = [];
  #constants = new Map();

  /** @returns {string} The name of the operator's result. */
  node(operator, inputs, attributes = {}, output = `${operator}_${this.#nodes.length}`) {
    const fields = [
      ...inputs.map((input) => stringField(1, input)),
      stringField(2, output),
      stringField(3, output),
      stringField(4, operator),
      ...Object.entries(attributes).map(([name, value]) => bytesField(5, attribute(name, value))),
    ];
    this.#nodes.push(message(fields));
    return output;
  }

  /** @returns {string} */
  constant(name, shape, values) {
    return this.#keep(name, shape, FLOAT32, values);
  }

  scalar(value) {
    return this.constant(`scalar_${value}`, [], Float32Array.of(value));
  }

  integers(shape, values) {
    return this.#keep(`integers_${shape.length}_${values.join("_")}`, shape, INT64, BigInt64Array.from(values, BigInt));
  }

  reshaped(input, shape) {
    return this.node("Reshape", [input, this.integers([shape.length], shape)]);
  }

  /** @returns {Uint8Array} */
  model(inputs, outputs) {
    const graph = message([
      ...this.#nodes.map((node) => bytesField(1, node)),
      stringField(2, "vision_tower"),
      ...[...this.#constants.values()].map((tensor) => bytesField(5, tensor)),
      ...Object.entries(inputs).map(([name, shape]) => bytesField(11, valueInformation(name, shape))),
      ...Object.entries(outputs).map(([name, shape]) => bytesField(12, valueInformation(name, shape))),
    ]);
    const operators = message([stringField(1, ""), varintField(2, OPERATOR_SET)]);
    return message([varintField(1, FORMAT_VERSION), stringField(2, "clip-ttl"), bytesField(7, graph), bytesField(8, operators)]);
  }

  #keep(name, shape, type, values) {
    if (!this.#constants.has(name)) {
      const count = shape.reduce((product, size) => product * size, 1);
      if (count !== values.length) {
        throw new Error(`${name}: ${values.length} values are no ${shape.join(" x ")}`);
      }
      const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      const fields = [...shape.map((size) => varintField(1, size)), varintField(2, type), stringField(8, name), bytesField(9, raw)];
      this.#constants.set(name, message(fields));
    }
    return name;
  }
}

/** @param {number | number[] | Float} value */
function attribute(name, value) {
  if (value instanceof Float) {
    return message([stringField(1, name), float32Field(2, value.value), varintField(20, ATTRIBUTE_FLOAT)]);
  }
  if (Array.isArray(value)) {
    return message([stringField(1, name), ...value.map((item) => varintField(8, item)), varintField(20, ATTRIBUTE_INTEGERS)]);
  }
  return message([stringField(1, name), varintField(3, value), varintField(20, ATTRIBUTE_INTEGER)]);
}

function valueInformation(name, shape) {
  const dimensions = message(shape.map((size) => bytesField(1, message([varintField(1, size)]))));
  const tensorType = message([varintField(1, FLOAT32), bytesField(2, dimensions)]);
  return message([stringField(1, name), bytesField(2, message([bytesField(1, tensorType)]))]);
}
