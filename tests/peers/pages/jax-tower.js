/**
 * The vision tower of a CLIP written with jax-js.
 *
 * Its arrays are counted by hand: each use of an array as an argument consumes it, so what is used again is passed as `.ref`.
 *
 * Two things are for its compiler's sake, as of version 0.1.25; without them an episode takes three times as long. `#written` keeps
 * work out of matrix products that would be repeated for each column of theirs, and the tokens are filled up to a multiple of
 * `LANES`, since only products of such sizes use SIMD.
 */

import { nn, numpy as np } from "/jax-js/index.js";

/** Numbers that SIMD works on at once. */
const LANES = 4;
/** What is added to the score of a token that isn't there: `exp` of it is 0. */
const NEVER = -1e9;

/**
 * Low-rank adapters of one block: `down` is `[width, rank]`, `up` is `[rank, width]`.
 * @typedef {{ down: np.Array, up: np.Array }} Factors
 * @typedef {{ query: Factors, value: Factors }} Adapters
 */

export class VisionTower {
  #config;
  #weights;
  #adapterScale;
  #filling;
  #mask;
  #one;

  /**
   * @param {any} config Hugging Face's CLIPConfig
   * @param {Map<string, np.Array>} weights Matrices are `[inputs, outputs]`.
   * @param {number} adapterScale What the adapters' output is multiplied by.
   */
  constructor(config, weights, adapterScale) {
    this.#config = config.vision_config;
    this.#weights = weights;
    this.#adapterScale = adapterScale;
    const tokens = this.#grid ** 2 + 1;
    this.#filling = (LANES - (tokens % LANES)) % LANES;
    const scores = Float32Array.from({ length: tokens + this.#filling }, (_, index) => (index < tokens ? 0 : NEVER));
    this.#mask = np.array(scores).reshape([1, 1, 1, scores.length]);
    this.#one = np.ones([1]);
  }

  get blocks() {
    return this.#config.num_hidden_layers;
  }

  get width() {
    return this.#config.hidden_size;
  }

  /** Pixels `[views, channels, side, side]` to tokens `[views, tokens, width]` after the first blocks. */
  trunk(pixels, blocks) {
    let tokens = this.#embedded(pixels);
    for (let index = 0; index < blocks; index++) {
      tokens = this.#block(index, tokens, null);
    }
    return tokens;
  }

  /**
   * Tokens after `first` blocks to features `[views, projection]`, not normalised.
   * @param {np.Array} tokens
   * @param {number} first
   * @param {Adapters[] | null} adapters One for each of the blocks from `first` on.
   */
  tail(tokens, first, adapters) {
    let state = tokens;
    for (let index = first; index < this.blocks; index++) {
      state = this.#block(index, state, adapters === null ? null : adapters[index - first]);
    }
    const classToken = this.#norm("vision_model.post_layernorm", state.reshape([-1, this.width]));
    return np.matmul(classToken, this.#weight("visual_projection.weight"));
  }

  /** Patches in a row of the picture. */
  get #grid() {
    return Math.floor(this.#config.image_size / this.#config.patch_size);
  }

  #weight(name) {
    return this.#weights.get(name).ref;
  }

  #norm(name, x) {
    const standard = nn.standardize(x, -1, { epsilon: this.#config.layer_norm_eps });
    return standard.mul(this.#weight(`${name}.weight`)).add(this.#weight(`${name}.bias`));
  }

  #linear(name, x) {
    return this.#written(np.matmul(x, this.#weight(`${name}.weight`)).add(this.#weight(`${name}.bias`)));
  }

  /**
   * The same matrix, but it and its gradient are written to memory in the order of their rows. Else the compiler makes what leads to a
   * gradient part of the matrix product that reads it, and has it computed anew for each column; and a product that reads a transposed
   * array doesn't use SIMD. It has no barrier: what is padded is written first, and so is what is multiplied before it is read again.
   */
  #written(x) {
    return np
      .pad(x, [[0, 1], [0, 0]])
      .slice([0, x.shape[0]])
      .mul(this.#one.ref);
  }

  #embedded(pixels) {
    const { patch_size: patch, num_channels: channels = 3 } = this.#config;
    const [views, grid, width] = [pixels.shape[0], this.#grid, this.width];
    // A convolution whose stride is its kernel's size is a matrix product over patches.
    const patches = pixels
      .reshape([views, channels, grid, patch, grid, patch])
      .transpose([0, 2, 4, 1, 3, 5])
      .reshape([views * grid * grid, channels * patch * patch]);
    const embeddings = "vision_model.embeddings";
    const pieces = np.matmul(this.#written(patches), this.#weight(`${embeddings}.patch_embedding.weight`));
    const classTokens = np.broadcastTo(this.#weight(`${embeddings}.class_embedding`).reshape([1, 1, width]), [views, 1, width]);
    const placed = np.concatenate([classTokens, pieces.reshape([views, grid * grid, width])], 1).add(this.#weight(`${embeddings}.position_embedding.weight`));
    // Hugging Face's name has this spelling.
    const tokens = this.#norm("vision_model.pre_layrnorm", placed);
    return this.#filling === 0 ? tokens : np.concatenate([tokens, np.zeros([views, this.#filling, width])], 1);
  }

  /** Of the last block only the class token is computed, as nothing else of it is read: `[views, 1, width]`. */
  #block(index, tokens, adapters) {
    const layer = `vision_model.encoder.layers.${index}`;
    const views = tokens.shape[0];
    const normed = this.#norm(`${layer}.layer_norm1`, tokens.ref);
    const isLast = index === this.blocks - 1;
    const rows = isLast ? normed.ref.slice([], [0, 1]) : normed.ref;
    const kept = isLast ? tokens.slice([], [0, 1]) : tokens;
    const mixed = this.#attended(`${layer}.self_attn`, rows, normed, adapters);
    const attended = kept.reshape([-1, this.width]).add(mixed);
    const hidden = this.#linear(`${layer}.mlp.fc1`, this.#norm(`${layer}.layer_norm2`, attended.ref));
    const activated = hidden.ref.mul(nn.sigmoid(hidden.mul(1.702)));
    return attended.add(this.#linear(`${layer}.mlp.fc2`, activated)).reshape([views, -1, this.width]);
  }

  /** Attention of some rows `[views, rows, width]` to all tokens; the result is `[views * rows, width]`. */
  #attended(layer, rows, tokens, adapters) {
    const heads = this.#config.num_attention_heads;
    const [views, count] = tokens.shape;
    const rowCount = rows.shape[1];
    const flatRows = rows.reshape([-1, this.width]);
    const flatTokens = tokens.reshape([-1, this.width]);
    const split = (x, length) => x.reshape([views, length, heads, this.width / heads]);
    const query = split(this.#adapted(`${layer}.q_proj`, flatRows, adapters?.query), rowCount);
    const key = split(this.#linear(`${layer}.k_proj`, flatTokens.ref), count);
    const value = split(this.#adapted(`${layer}.v_proj`, flatTokens, adapters?.value), count);
    const mixed = nn.dotProductAttention(query, key, value, this.#filling === 0 ? {} : { bias: this.#mask.ref });
    return this.#linear(`${layer}.out_proj`, this.#written(mixed.reshape([-1, this.width])));
  }

  /** A linear layer, with an adapter beside it where there is one. */
  #adapted(name, x, factors) {
    if (factors === undefined) {
      return this.#linear(name, x);
    }
    const beside = np.matmul(np.matmul(x.ref, factors.down.ref), factors.up.ref).mul(this.#adapterScale);
    return this.#linear(name, x).add(beside);
  }
}
