/** The numbers that `offer` made ready, inside a page. */

/**
 * `NAME.json` says where in `NAME.bin` each array lies.
 * @param {string} name
 * @returns {Promise<Map<string, { shape: number[], values: Float32Array }>>}
 */
export async function loadArrays(name) {
  const index = await (await fetch(`/made/${name}.json`)).json();
  const buffer = await (await fetch(`/made/${name}.bin`)).arrayBuffer();
  return new Map(Object.entries(index).map(([key, { shape, offset, count }]) => [key, { shape, values: new Float32Array(buffer, offset, count) }]));
}

/**
 * As many numbers as a shape has: those given, from the beginning again wherever they end.
 * @param {Float32Array} values
 * @param {number[]} shape
 */
export function filled(values, shape) {
  const count = shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length: count }, (_, index) => values[index % values.length]);
}
