/** Keeps the last picture as the engine has it, so that asking about it again needs no decoding. */

import type { Picture } from "../clip_ttl.js";
import { ClipTtlError, toWire } from "../errors.js";
import { bytesOf } from "../fetching.js";
import { decodeWithBrowser } from "../image.js";
import type { WireImage } from "../protocol.js";
import type { WasmModule } from "./wasm-loader.js";

/** What a picture was made from. */
interface Source {
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export class PictureCache {
  readonly #wasm: WasmModule;
  #last: { readonly source: Source; readonly picture: Picture } | null = null;

  constructor(wasm: WasmModule) {
    this.#wasm = wasm;
  }

  /** The picture. It belongs to the cache, and is there until another one is asked for. */
  async get(image: WireImage): Promise<Picture> {
    const source = await read(image);
    if (this.#last !== null && same(this.#last.source, source)) return this.#last.picture;
    const picture = image.kind === "rgba" ? this.#wasm.Picture.fromRgba(source.width, source.height, source.bytes) : await this.#decode(source.bytes);
    this.#last?.picture.free();
    this.#last = { source, picture };
    return picture;
  }

  /** The engine decodes what it can; what it does not know (AVIF, say, or rare kinds of JPEG) the browser may. */
  async #decode(bytes: Uint8Array<ArrayBuffer>): Promise<Picture> {
    try {
      return this.#wasm.Picture.decode(bytes);
    } catch (error) {
      const isUnknown = ["picture-unknown-format", "picture-unsupported"].includes(toWire(error).code);
      const decoded = isUnknown ? await decodeWithBrowser(new Blob([bytes])) : null;
      if (decoded === null) throw error;
      return this.#wasm.Picture.fromRgba(decoded.width, decoded.height, new Uint8Array(decoded.data));
    }
  }
}

async function read(image: WireImage): Promise<Source> {
  if (image.kind === "rgba") return { width: image.width, height: image.height, bytes: new Uint8Array(image.data) };
  try {
    return { width: 0, height: 0, bytes: await bytesOf(image.data) };
  } catch (cause) {
    throw new ClipTtlError("network", `${image.source} can't be read any more: it was moved or changed`, { cause });
  }
}

/** Whether two pictures are the same, byte for byte: milliseconds, where decoding takes a hundred. */
function same(a: Source, b: Source): boolean {
  if (a.width !== b.width || a.height !== b.height || a.bytes.length !== b.bytes.length) return false;
  const words = Math.floor(a.bytes.length / 8);
  const left = new BigUint64Array(a.bytes.buffer, 0, words);
  const right = new BigUint64Array(b.bytes.buffer, 0, words);
  for (let index = 0; index < words; index += 1) {
    if (left[index] !== right[index]) return false;
  }
  for (let index = words * 8; index < a.bytes.length; index += 1) {
    if (a.bytes[index] !== b.bytes[index]) return false;
  }
  return true;
}
