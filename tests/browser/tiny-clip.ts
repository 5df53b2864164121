/**
 * A CLIP with random weights, small enough for an imitated graphics card. It knows every token, unlike the models of the recorded
 * episodes, so it can stand in for the pocket model wherever it doesn't matter what the answer is.
 */

import type { Page } from "@playwright/test";

const VOCABULARY = 49_408;
const CONTEXT = 77;
const WIDTH = 16;
const PROJECTION = 16;
const IMAGE_SIZE = 16;
const PATCH_SIZE = 8;
const VISION_LAYERS = 3;
const TEXT_LAYERS = 1;

const TOWER = { hidden_size: WIDTH, intermediate_size: 2 * WIDTH, num_attention_heads: 2, hidden_act: "quick_gelu", layer_norm_eps: 1e-5 };

const CONFIG = {
  model_type: "clip",
  projection_dim: PROJECTION,
  text_config: { ...TOWER, num_hidden_layers: TEXT_LAYERS, vocab_size: VOCABULARY, max_position_embeddings: CONTEXT, eos_token_id: 49_407 },
  vision_config: { ...TOWER, num_hidden_layers: VISION_LAYERS, image_size: IMAGE_SIZE, patch_size: PATCH_SIZE },
};

type Shapes = Readonly<Record<string, readonly number[]>>;

function linear(name: string, outputs: number, inputs: number): Shapes {
  return { [`${name}.weight`]: [outputs, inputs], [`${name}.bias`]: [outputs] };
}

function norm(name: string): Shapes {
  return { [`${name}.weight`]: [WIDTH], [`${name}.bias`]: [WIDTH] };
}

function blocks(tower: string, count: number): Shapes {
  const all = Array.from({ length: count }, (_, index) => {
    const block = `${tower}.encoder.layers.${index}`;
    const projections = ["q_proj", "k_proj", "v_proj", "out_proj"].map((name) => linear(`${block}.self_attn.${name}`, WIDTH, WIDTH));
    const mlp = [linear(`${block}.mlp.fc1`, 2 * WIDTH, WIDTH), linear(`${block}.mlp.fc2`, WIDTH, 2 * WIDTH)];
    return Object.assign({}, ...projections, ...mlp, norm(`${block}.layer_norm1`), norm(`${block}.layer_norm2`)) as Shapes;
  });
  return Object.assign({}, ...all) as Shapes;
}

const SHAPES: Shapes = {
  logit_scale: [],
  "text_model.embeddings.token_embedding.weight": [VOCABULARY, WIDTH],
  "text_model.embeddings.position_embedding.weight": [CONTEXT, WIDTH],
  ...blocks("text_model", TEXT_LAYERS),
  ...norm("text_model.final_layer_norm"),
  "vision_model.embeddings.class_embedding": [WIDTH],
  "vision_model.embeddings.patch_embedding.weight": [WIDTH, 3, PATCH_SIZE, PATCH_SIZE],
  "vision_model.embeddings.position_embedding.weight": [(IMAGE_SIZE / PATCH_SIZE) ** 2 + 1, WIDTH],
  ...norm("vision_model.pre_layrnorm"),
  ...blocks("vision_model", VISION_LAYERS),
  ...norm("vision_model.post_layernorm"),
  "text_projection.weight": [PROJECTION, WIDTH],
  "visual_projection.weight": [PROJECTION, WIDTH],
};

/** A checkpoint's three files. */
export interface CheckpointFiles {
  readonly config: string;
  readonly preprocessor: string;
  readonly weights: Buffer;
}

/** The model's files; always the same ones. */
export function tinyClip(): CheckpointFiles {
  const header: Record<string, unknown> = {};
  let bytes = 0;
  for (const [name, shape] of Object.entries(SHAPES)) {
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
    config: JSON.stringify(CONFIG),
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

/** Pages get this model, or another one, where they ask for the pocket model. */
export async function replacePocket(page: Page, files: CheckpointFiles = tinyClip()): Promise<void> {
  await page.route("**/models/pocket/*", async (route) => {
    const name = new URL(route.request().url()).pathname.split("/").at(-1);
    if (name === "config.json") await route.fulfill({ contentType: "application/json", body: files.config });
    else if (name === "preprocessor_config.json") await route.fulfill({ contentType: "application/json", body: files.preprocessor });
    else await route.fulfill({ contentType: "application/octet-stream", body: files.weights });
  });
}
