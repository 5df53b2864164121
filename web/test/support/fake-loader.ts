/** Stands in for the engine's loader: plans by the header, and keeps what came, every byte turned over. */

import type { Loader, LoaderSummary } from "../../src/clip_ttl.js";

/** Pieces of small files, and of large ones: there should be many, but not thousands. */
const SMALL_PIECE_BYTES = 64;
const LARGE_PIECE_BYTES = 2048;
const LARGE_TENSOR_BYTES = 10_000;

export class FakeLoader implements Omit<Loader, never> {
  static plans = 0;
  readonly pieces: Float64Array;
  readonly summary: LoaderSummary;
  readonly config: string | undefined;
  readonly pushed: number[] = [];
  readonly restored: number[] = [];
  isFree = false;
  readonly #kept: (Uint8Array | null)[];

  private constructor(config: string | undefined, ranges: readonly number[], dtype: string) {
    const sourceBytes = ranges.filter((_, index) => index % 2 === 1).reduce((sum, length) => sum + length, 0);
    this.config = config;
    this.pieces = Float64Array.from(ranges);
    this.summary = { dtype: dtype === "auto" ? "q8" : dtype, fileDtype: "f32", parameters: sourceBytes / 4, sourceBytes, residentBytes: sourceBytes };
    this.#kept = Array.from({ length: ranges.length / 2 }, () => null);
  }

  static plan(config: string | undefined, _preprocessor: string | undefined, header: Uint8Array, fileBytes: number | undefined, dtype: string): Loader {
    FakeLoader.plans += 1;
    const length = Number(new DataView(header.buffer, header.byteOffset).getBigUint64(0, true));
    const tensors = JSON.parse(new TextDecoder().decode(header.subarray(8, 8 + length))) as Record<string, { shape: number[]; data_offsets: [number, number] }>;
    const ranges: number[] = [];
    let end = 8 + length;
    for (const [name, { data_offsets, shape }] of Object.entries(tensors)) {
      if (shape.includes(13)) throw Object.assign(new Error(`tensor ${name} has shape ${shape}`), { code: "tensor-shape" });
      end = 8 + length + data_offsets[1];
      if (name.startsWith("unused")) continue;
      const pieceBytes = data_offsets[1] - data_offsets[0] > LARGE_TENSOR_BYTES ? LARGE_PIECE_BYTES : SMALL_PIECE_BYTES;
      for (let offset = data_offsets[0]; offset < data_offsets[1]; offset += pieceBytes) {
        ranges.push(8 + length + offset, Math.min(pieceBytes, data_offsets[1] - offset));
      }
    }
    if (config === undefined) throw Object.assign(new Error("there is no config.json"), { code: "config-invalid" });
    if (fileBytes !== undefined && fileBytes !== end) {
      throw Object.assign(new Error(`its header describes ${end} bytes, but the file has ${fileBytes}`), { code: "checkpoint-corrupt" });
    }
    return new FakeLoader(config, ranges, dtype) as unknown as Loader;
  }

  push(index: number, bytes: Uint8Array): void {
    this.#take(index, turned(bytes));
    this.pushed.push(index);
  }

  encoded(index: number): Uint8Array<ArrayBuffer> {
    return (this.#kept[index] ?? new Uint8Array()).slice() as Uint8Array<ArrayBuffer>;
  }

  restore(index: number, bytes: Uint8Array): void {
    this.#take(index, bytes);
    this.restored.push(index);
  }

  free(): void {
    if (this.isFree) throw new Error("freed twice");
    this.isFree = true;
  }

  /** The bytes of all pieces as they were in the file; throws where one is missing. */
  assembled(): Buffer {
    return Buffer.concat(
      this.#kept.map((bytes, index) => {
        if (bytes === null) throw new Error(`piece ${index} is missing`);
        return turned(bytes);
      }),
    );
  }

  #take(index: number, bytes: Uint8Array): void {
    if (this.isFree) throw new Error("freed");
    if (bytes.length !== this.pieces[2 * index + 1]) throw Object.assign(new Error("wrong length"), { code: "checkpoint-corrupt" });
    this.#kept[index] = bytes.slice();
  }
}

function turned(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => byte ^ 0xff);
}
