/** Small files in the safetensors format, and what loading needs around it. */

import type { HttpSettings } from "../../src/hub/http.js";

/** The same insistence, in less time. */
export const QUICK: HttpSettings = { attempts: 4, firstDelayMs: 1, longestDelayMs: 4, offlineMs: 20, stallMs: 400 };

export const CONFIG = JSON.stringify({ model_type: "clip" });

export interface Checkpoint {
  readonly file: Buffer;
  /** What is needed of it: the bytes of all tensors but those that are called unused. */
  readonly needed: Buffer;
  readonly headerBytes: number;
}

/** A file with tensors of so many values each. */
export function checkpoint(sizes: Readonly<Record<string, number>> = { a: 40, unused: 30, b: 25, c: 3 }, seed = 1): Checkpoint {
  const header: Record<string, unknown> = {};
  const parts: Buffer[] = [];
  const needed: Buffer[] = [];
  let end = 0;
  for (const [name, values] of Object.entries(sizes)) {
    const bytes = Buffer.from(Array.from({ length: 4 * values }, (_, index) => (index * 7 + end + seed) % 251));
    header[name] = { dtype: "F32", shape: [values], data_offsets: [end, end + bytes.length] };
    end += bytes.length;
    parts.push(bytes);
    if (!name.startsWith("unused")) needed.push(bytes);
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return { file: Buffer.concat([length, json, ...parts]), needed: Buffer.concat(needed), headerBytes: 8 + json.length };
}
