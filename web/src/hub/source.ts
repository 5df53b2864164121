/** Where the bytes of a checkpoint come from. */

import { ClipTtlError } from "../errors.js";

/** A file of which parts can be read. Every method rejects once the load that it belongs to has been cancelled. */
export interface ByteSource {
  /** The file's name, for messages and progress. */
  readonly name: string;
  /** The file's size, where it is known by now. */
  readonly size: number | null;
  /** What tells this version of the file from others, where something does; known after `readStart`. */
  readonly version: string | null;
  /** Whether parts come quickest from the front to the back, since there is one way to the bytes and it leads through those before. */
  readonly isSequential: boolean;
  /** The first `length` bytes, or all of a file that is shorter. */
  readStart(length: number): Promise<Uint8Array>;
  /**
   * `length` bytes from `offset` on.
   *
   * @param onBytes is told how many of them have come
   */
  read(offset: number, length: number, onBytes: (count: number) => void): Promise<Uint8Array>;
  /** Ends what is still being read: it rejects. */
  close(): void;
}

/** The file is not the one that it was at the beginning: what has been read doesn't go together with the rest. */
export class SourceChanged extends Error {
  override readonly name = "SourceChanged";
}

/** The error of a file that ends before it should. */
export function tooShort(name: string, size: number): ClipTtlError {
  return new ClipTtlError("checkpoint-corrupt", `${name} ends after ${size} bytes, though its header describes more`);
}

/** A file on the device. Of a large one, only what is read stands in memory. */
export class BlobSource implements ByteSource {
  readonly name: string;
  readonly version = null;
  readonly isSequential = false;
  readonly #blob: Blob;

  constructor(name: string, blob: Blob) {
    this.name = name;
    this.#blob = blob;
  }

  get size(): number {
    return this.#blob.size;
  }

  readStart(length: number): Promise<Uint8Array> {
    return this.#slice(0, Math.min(length, this.size));
  }

  async read(offset: number, length: number, onBytes: (count: number) => void): Promise<Uint8Array> {
    if (offset + length > this.size) throw tooShort(this.name, this.size);
    const bytes = await this.#slice(offset, offset + length);
    onBytes(bytes.length);
    return bytes;
  }

  close(): void {
    // Nothing is open between two reads.
  }

  async #slice(start: number, end: number): Promise<Uint8Array> {
    try {
      return new Uint8Array(await this.#blob.slice(start, end).arrayBuffer());
    } catch (cause) {
      throw new ClipTtlError("network", `the file ${this.name} can't be read any more: it was moved or changed`, { cause });
    }
  }
}

/** Bytes in memory. */
export class BufferSource implements ByteSource {
  readonly name: string;
  readonly version = null;
  readonly isSequential = false;
  readonly #bytes: Uint8Array;

  constructor(name: string, buffer: ArrayBuffer) {
    this.name = name;
    this.#bytes = new Uint8Array(buffer);
  }

  get size(): number {
    return this.#bytes.length;
  }

  async readStart(length: number): Promise<Uint8Array> {
    return this.#bytes.subarray(0, length);
  }

  async read(offset: number, length: number, onBytes: (count: number) => void): Promise<Uint8Array> {
    if (offset + length > this.size) throw tooShort(this.name, this.size);
    onBytes(length);
    return this.#bytes.subarray(offset, offset + length);
  }

  close(): void {
    // Nothing is open.
  }
}
