/**
 * Reads a checkpoint of clip-ttl, or an episode that PyTorch recorded, and gives its numbers as f32, which is what the peers compute with.
 *
 * The format is safetensors. A matrix that is quantised comes as two tensors: NAME with the codes, I8 `[rows, columns]` (q8) or
 * U8 `[rows, columns / 2]` (q4), and NAME.scales, F16 `[rows, columns / 32]`: each 32 values of a row share a scale.
 */

import { readFile } from "node:fs/promises";

/** Values that share a scale. */
export const BLOCK = 32;
const SCALES = ".scales";

/**
 * @typedef {{ shape: number[], values: Float32Array }} Tensor
 * @typedef {{ dtype: string, shape: number[], bytes: DataView }} StoredTensor
 */

/**
 * A checkpoint whose tensors are dequantised. A convolution's kernel that was quantised has the shape `[rows, columns]`.
 * @param {URL | string} file
 * @returns {Promise<{ config: any, tensors: Map<string, Tensor> }>} `config` is Hugging Face's CLIPConfig
 */
export async function readCheckpoint(file) {
  const { metadata, stored } = await readStored(file, "config.json");
  const names = [...stored.keys()].filter((name) => !(name.endsWith(SCALES) && stored.has(name.slice(0, -SCALES.length))));
  const tensors = new Map(names.map((name) => [name, decode(name, stored.get(name), stored.get(name + SCALES))]));
  return { config: metadata, tensors };
}

/**
 * An episode as `tests/oracle` records it: its settings, and all its tensors but the token ids, which are no floating-point numbers.
 * @param {URL | string} file
 * @returns {Promise<{ settings: any, tensors: Map<string, Tensor> }>}
 */
export async function readRecording(file) {
  const { metadata, stored } = await readStored(file, "json");
  const floats = [...stored].filter(([, { dtype }]) => dtype === "F32");
  return { settings: metadata, tensors: new Map(floats.map(([name, tensor]) => [name, decode(name, tensor, undefined)])) };
}

/**
 * The tensors of a file as they are stored, and the JSON that its metadata has under a key.
 * @param {URL | string} file
 * @param {string} key
 * @returns {Promise<{ metadata: any, stored: Map<string, StoredTensor> }>}
 */
async function readStored(file, key) {
  const content = await readFile(file);
  const headerLength = Number(content.readBigUInt64LE(0));
  const { __metadata__: metadata, ...entries } = JSON.parse(content.toString("utf8", 8, 8 + headerLength));
  if (metadata?.[key] === undefined) {
    throw new Error(`${file}: there is no ${key} in its metadata`);
  }
  /** @type {Map<string, StoredTensor>} */
  const stored = new Map(
    Object.entries(entries).map(([name, { dtype, shape, data_offsets: [start, end] }]) => [
      name,
      { dtype, shape, bytes: new DataView(content.buffer, content.byteOffset + 8 + headerLength + start, end - start) },
    ]),
  );
  return { metadata: JSON.parse(metadata[key]), stored };
}

/**
 * The tensor of this name, which must be there.
 * @param {Map<string, Tensor>} tensors
 * @param {string} name
 */
export function tensorOf(tensors, name) {
  const tensor = tensors.get(name);
  if (tensor === undefined) {
    throw new Error(`there is no tensor ${name}`);
  }
  return tensor;
}

/**
 * The transpose of a matrix: Hugging Face's are `[outputs, inputs]`, and libraries multiply by `[inputs, outputs]`.
 * @param {Tensor} tensor
 * @returns {Tensor}
 */
export function transposed({ shape: [rows, columns], values }) {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = values[row * columns + column];
    }
  }
  return { shape: [columns, rows], values: result };
}

/**
 * Tensors as one block of bytes, and an index that says where in it each of them lies: `offset` in bytes, `count` in numbers.
 * @param {Map<string, Tensor>} tensors
 */
export function packed(tensors) {
  let offset = 0;
  const index = {};
  for (const [name, { shape, values }] of tensors) {
    index[name] = { shape, offset, count: values.length };
    offset += values.byteLength;
  }
  const bytes = new Uint8Array(offset);
  for (const [name, { values }] of tensors) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), index[name].offset);
  }
  return { index, bytes };
}

/**
 * @param {string} name
 * @param {StoredTensor} tensor
 * @param {StoredTensor | undefined} scales
 * @returns {Tensor}
 */
function decode(name, tensor, scales) {
  const { dtype, shape } = tensor;
  if (scales !== undefined) {
    return dequantise(name, tensor, scales);
  }
  const count = shape.reduce((product, size) => product * size, 1);
  if (dtype === "F32") {
    return { shape, values: Float32Array.from({ length: count }, (_, index) => tensor.bytes.getFloat32(4 * index, true)) };
  }
  if (dtype === "F16") {
    return { shape, values: halves(tensor) };
  }
  throw new Error(`${name}: ${dtype} without scales is neither F32 nor F16`);
}

/**
 * @param {string} name
 * @param {StoredTensor} codes
 * @param {StoredTensor} scales
 * @returns {Tensor}
 */
function dequantise(name, { dtype, shape, bytes }, scales) {
  if ((dtype !== "I8" && dtype !== "U8") || scales.dtype !== "F16" || shape.length !== 2) {
    throw new Error(`${name}: ${dtype} of ${shape} with scales in ${scales.dtype} is not a format of clip-ttl's`);
  }
  const [rows, columns] = dtype === "I8" ? shape : [shape[0], 2 * shape[1]];
  if (columns % BLOCK !== 0 || scales.shape.join() !== `${rows},${columns / BLOCK}`) {
    throw new Error(`${name}: scales of ${scales.shape} do not belong to ${rows} rows of ${columns}`);
  }
  const scaleValues = halves(scales);
  const values = new Float32Array(rows * columns);
  for (let index = 0; index < values.length; index++) {
    const block = Math.floor(index / BLOCK);
    values[index] = scaleValues[block] * (dtype === "I8" ? bytes.getInt8(index) : nibble(bytes, block, index % BLOCK));
  }
  return { shape: [rows, columns], values };
}

/** Code `place` of a block of q4, in 16 bytes: the first half of the block lies in the low nibbles, the second in the high ones. */
function nibble(bytes, block, place) {
  const half = BLOCK / 2;
  const byte = bytes.getUint8(block * half + (place % half));
  return (place < half ? byte & 15 : byte >> 4) - 8;
}

/** The numbers of a tensor in half precision, for which Node.js 20 has no array type. */
function halves({ bytes }) {
  return Float32Array.from({ length: bytes.byteLength / 2 }, (_, index) => {
    const bits = bytes.getUint16(2 * index, true);
    const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
    const sign = bits >> 15 === 0 ? 1 : -1;
    if (exponent === 31) {
      return fraction === 0 ? sign * Infinity : NaN;
    }
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  });
}
