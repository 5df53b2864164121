/** The first bytes of a `.safetensors` file: eight of length, and a header of that length which says what lies where. */

import { ClipTtlError } from "../errors.js";
import type { ByteSource } from "./source.js";

/** Enough for the headers of all CLIPs up to ViT-L at the first attempt. */
const FIRST_BYTES = 128 * 1024;

const LENGTH_BYTES = 8;

/** The longest header that the format allows. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Reads the header, its length included. What it says is checked by the engine. */
export async function readHeader(source: ByteSource): Promise<Uint8Array> {
  const start = await source.readStart(FIRST_BYTES);
  const end = LENGTH_BYTES + headerLength(start, source);
  if (end <= start.length) return start.slice(0, end);
  if (start.length < FIRST_BYTES || (source.size !== null && source.size < end)) {
    throw corrupt(source, `its header should have ${end} bytes, but the file has only ${source.size ?? start.length}`);
  }
  const header = new Uint8Array(end);
  header.set(start);
  header.set(await source.read(start.length, end - start.length, () => undefined), start.length);
  return header;
}

function headerLength(start: Uint8Array, source: ByteSource): number {
  if (start.length < LENGTH_BYTES) throw corrupt(source, start.length === 0 ? "the file is empty" : `the file has only ${start.length} bytes`);
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length <= MAX_HEADER_BYTES) return Number(length);
  throw corrupt(source, kindOf(start) ?? `a header of ${length} bytes is beyond what the format allows`);
}

/** What else servers send in a file's place. */
function kindOf(start: Uint8Array): string | null {
  const text = new TextDecoder().decode(start.subarray(0, 64)).trimStart();
  if (text.startsWith("version https://git-lfs")) return "this is only the pointer that Git LFS leaves in the file's place";
  if (/^<(!doctype|html|\?xml)/i.test(text)) return "this is a web page";
  if (text.startsWith("PK")) return "this is an archive or a PyTorch file";
  return null;
}

function corrupt(source: ByteSource, reason: string): ClipTtlError {
  return new ClipTtlError("checkpoint-corrupt", `${source.name} is no .safetensors file: ${reason}`);
}
