/**
 * As much of the wire format of Protocol Buffers as an ONNX file needs: each field is its number and wire type, then its content.
 * Bytes are joined once, in `message`, so that large contents aren't copied field by field.
 */

/** Wire types. */
const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32_BIT = 5;

const encoder = new TextEncoder();

/** @typedef {Uint8Array[]} Field Consecutive pieces. */

/**
 * @param {Field[]} fields
 * @returns {Uint8Array}
 */
export function message(fields) {
  return new Uint8Array(Buffer.concat(fields.flat()));
}

/**
 * An integer; a negative one in the ten bytes of its 64-bit complement.
 * @returns {Field}
 */
export function varintField(/** @type {number} */ number, /** @type {number} */ value) {
  return [tag(number, VARINT), varint(BigInt.asUintN(64, BigInt(value)))];
}

/**
 * Bytes, or a message inside a message.
 * @returns {Field}
 */
export function bytesField(/** @type {number} */ number, /** @type {Uint8Array} */ content) {
  return [tag(number, LENGTH_DELIMITED), varint(BigInt(content.length)), content];
}

/** @returns {Field} */
export function stringField(/** @type {number} */ number, /** @type {string} */ text) {
  return bytesField(number, encoder.encode(text));
}

/** @returns {Field} */
export function float32Field(/** @type {number} */ number, /** @type {number} */ value) {
  const content = new Uint8Array(4);
  new DataView(content.buffer).setFloat32(0, value, true);
  return [tag(number, FIXED_32_BIT), content];
}

function tag(number, wireType) {
  return varint(BigInt((number << 3) | wireType));
}

/** Seven bits a byte, the lowest first; the eighth says that more follow. */
function varint(/** @type {bigint} */ value) {
  const bytes = [];
  let rest = value;
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Uint8Array.from([...bytes, Number(rest)]);
}
