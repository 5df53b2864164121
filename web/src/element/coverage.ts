/** How much the views that show a spot of the picture count together. */

import type { ViewData } from "./view-data.js";

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Sum of the weights of the views over each cell of a grid, as a share (0 to 1) of the largest: `[rows * columns]`, row by row.
 * Each box adds at its four corners, and running sums spread it, so that the work grows with boxes plus cells, not with their product.
 */
export function coverage(views: readonly Pick<ViewData, "box" | "weight">[], picture: Size, columns: number, rows: number): Float32Array {
  const stride = columns + 1;
  const sums = new Float32Array(stride * (rows + 1));
  const add = (row: number, column: number, weight: number): void => {
    const index = row * stride + column;
    sums[index] = (sums[index] ?? 0) + weight;
  };
  for (const { box, weight } of views) {
    const left = Math.round((box.left / picture.width) * columns);
    const right = Math.round(((box.left + box.width) / picture.width) * columns);
    const top = Math.round((box.top / picture.height) * rows);
    const bottom = Math.round(((box.top + box.height) / picture.height) * rows);
    const amount = weight ?? 0;
    add(top, left, amount);
    add(top, right, -amount);
    add(bottom, left, -amount);
    add(bottom, right, amount);
  }
  const cells = new Float32Array(columns * rows);
  const above = new Float32Array(columns);
  let largest = 0;
  for (let row = 0; row < rows; row += 1) {
    let run = 0;
    for (let column = 0; column < columns; column += 1) {
      run += sums[row * stride + column] ?? 0;
      const value = run + (above[column] ?? 0);
      above[column] = value;
      cells[row * columns + column] = value;
      largest = Math.max(largest, value);
    }
  }
  return largest === 0 ? cells : cells.map((value) => Math.max(0, value / largest));
}
