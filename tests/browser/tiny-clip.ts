/**
 * A CLIP with random weights, small enough for an imitated graphics card. It knows every token, unlike the models of the recorded
 * episodes, so it can stand in for the pocket model wherever it doesn't matter what the answer is.
 */

import type { Page } from "@playwright/test";

const VOCABULARY = 49_408;
const CONTEXT = 77;
const WIDTH = 16;
const IMAGE_SIZE = 16;
const PATCH_SIZE = 8;
const VISION_LAYERS = 3;
const TEXT_LAYERS = 1;

function configOf(width: number): object {
  const tower = { hidden_size: width, intermediate_size: 2 * width, num_attention_heads: 2, hidden_act: "quick_gelu", layer_norm_eps: 1e-5 };
  return {
    model_type: "clip",
    projection_dim: width,
    text_config: { ...tower, num_hidden_layers: TEXT_LAYERS, vocab_size: VOCABULARY, max_position_embeddings: CONTEXT, eos_token_id: 49_407 },
    vision_config: { ...tower, num_hidden_layers: VISION_LAYERS, image_size: IMAGE_SIZE, patch_size: PATCH_SIZE },
  };
}

type Shapes = Readonly<Record<string, readonly number[]>>;

function linear(name: string, outputs: number, inputs: number): Shapes {
  return { [`${name}.weight`]: [outputs, inputs], [`${name}.bias`]: [outputs] };
}

function norm(name: string, width: number): Shapes {
  return { [`${name}.weight`]: [width], [`${name}.bias`]: [width] };
}

function blocks(tower: string, count: number, width: number): Shapes {
  const all = Array.from({ length: count }, (_, index) => {
    const block = `${tower}.encoder.layers.${index}`;
    const projections = ["q_proj", "k_proj", "v_proj", "out_proj"].map((name) => linear(`${block}.self_attn.${name}`, width, width));
    const mlp = [linear(`${block}.mlp.fc1`, 2 * width, width), linear(`${block}.mlp.fc2`, width, 2 * width)];
    return Object.assign({}, ...projections, ...mlp, norm(`${block}.layer_norm1`, width), norm(`${block}.layer_norm2`, width)) as Shapes;
  });
  return Object.assign({}, ...all) as Shapes;
}

function shapesOf(width: number): Shapes {
  return {
    logit_scale: [],
    "text_model.embeddings.token_embedding.weight": [VOCABULARY, width],
    "text_model.embeddings.position_embedding.weight": [CONTEXT, width],
    ...blocks("text_model", TEXT_LAYERS, width),
    ...norm("text_model.final_layer_norm", width),
    "vision_model.embeddings.class_embedding": [width],
    "vision_model.embeddings.patch_embedding.weight": [width, 3, PATCH_SIZE, PATCH_SIZE],
    "vision_model.embeddings.position_embedding.weight": [(IMAGE_SIZE / PATCH_SIZE) ** 2 + 1, width],
    ...norm("vision_model.pre_layrnorm", width),
    ...blocks("vision_model", VISION_LAYERS, width),
    ...norm("vision_model.post_layernorm", width),
    "text_projection.weight": [width, width],
    "visual_projection.weight": [width, width],
  };
}

/** A checkpoint's three files. */
export interface CheckpointFiles {
  readonly config: string;
  readonly preprocessor: string;
  readonly weights: Buffer;
}

/** The model's files; always the same ones for a width. With 128, the weights are 26 MB: they come in several pieces. */
export function tinyClip(width: number = WIDTH): CheckpointFiles {
  const header: Record<string, unknown> = {};
  let bytes = 0;
  for (const [name, shape] of Object.entries(shapesOf(width))) {
    const size = 4 * shape.reduce((product, length) => product * length, 1);
    header[name] = { dtype: "F32", shape, data_offsets: [bytes, bytes + size] };
    bytes += size;
  }
  const values = new Float32Array(bytes / 4);
  let state = 1;
  for (let index = 0; index < values.length; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[index] = state / 2 ** 32 - 0.5;
  }
  // The first tensor: the logarithm of what similarities are multiplied by.
  values[0] = Math.log(20);
  const size = { shortest_edge: IMAGE_SIZE };
  return {
    config: JSON.stringify(configOf(width)),
    preprocessor: JSON.stringify({ size, crop_size: { height: IMAGE_SIZE, width: IMAGE_SIZE } }),
    weights: safetensors(header, Buffer.from(values.buffer)),
  };
}

/** A file of tensors whose header says what it is told to say. */
export function safetensors(header: Readonly<Record<string, unknown>>, data: Buffer): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

/** One file with everything in it, as `clip-ttl convert` writes it. Of a file whose header can't be read nothing is changed. */
export function singleFile({ config, preprocessor, weights }: CheckpointFiles): Buffer {
  const end = weights.length < 8 ? NaN : 8 + Number(weights.readBigUInt64LE(0));
  if (!(end <= weights.length)) return weights;
  const header = JSON.parse(weights.toString("utf8", 8, end)) as Record<string, unknown>;
  const metadata = { "config.json": config, "preprocessor_config.json": preprocessor };
  return safetensors({ __metadata__: metadata, ...header }, weights.subarray(end));
}

/** Pages get this model, or another one, where they ask for the pocket model. */
export async function replacePocket(page: Page, files: CheckpointFiles = tinyClip()): Promise<void> {
  const body = singleFile(files);
  await page.route("**/models/pocket/*", (route) => route.fulfill({ contentType: "application/octet-stream", body }));
}
