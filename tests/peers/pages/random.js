/** Fixed random numbers, the same in every page and every run. */

/**
 * Numbers of the standard normal distribution.
 * @param {number} count
 * @param {number} seed
 * @returns {Float32Array}
 */
export function normal(count, seed) {
  const uniform = mulberry32(seed);
  const result = new Float32Array(count);
  for (let index = 0; index < count; index += 2) {
    // Box and Muller: two of them from two uniform ones. The logarithm's argument is never 0.
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    result[index] = radius * Math.cos(angle);
    if (index + 1 < count) {
      result[index + 1] = radius * Math.sin(angle);
    }
  }
  return result;
}

/** The generator mulberry32: from 0 to 1, without 1. */
function mulberry32(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
