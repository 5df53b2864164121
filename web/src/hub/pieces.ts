/** Brings a checkpoint's pieces in, from the storage or from where they lie: a few at a time, each quantised when it has come. */

import type { Loader } from "../clip_ttl.js";
import type { DownloadProgress } from "../progress.js";
import { ifFree, whenFree, type Locks } from "./locks.js";
import type { ByteSource } from "./source.js";
import type { StoredModel } from "./store.js";

/** With pieces of at most 8 MiB, so much stands in memory at a time besides the quantised weights: 32 MiB. */
const AT_A_TIME = 4;

/** What is needed to bring them in. */
export interface PiecesTask {
  readonly loader: Loader;
  readonly weights: ByteSource;
  /** What was counted as loaded before the first piece: the header. */
  readonly countedBytes: number;
  readonly stored: StoredModel | null;
  readonly locks: Locks | null;
  readonly progress: DownloadProgress;
  readonly signal: AbortSignal;
  /** Is told that nothing more can be stored, and why. */
  readonly onStorageFailed: (error: unknown) => Promise<void>;
}

/** Where a piece lies in the file. */
interface Piece {
  readonly index: number;
  readonly offset: number;
  readonly length: number;
}

/** Brings all pieces in; whether all of them are in the storage now. */
export async function bringPieces(task: PiecesTask): Promise<boolean> {
  return new Pieces(task).run();
}

class Pieces {
  readonly #task: PiecesTask;
  readonly #all: readonly Piece[];
  /** To be looked at, frontmost first. */
  readonly #pending: Piece[];
  /** Those that another tab was fetching. */
  readonly #elsewhere: Piece[] = [];
  /** Bytes of each piece that have come. */
  readonly #counts: number[];
  #stored: StoredModel | null;
  #storing: Promise<unknown> = Promise.resolve();
  /** The first failure; those that follow come of it. */
  #failure: { readonly error: unknown } | null = null;
  readonly #abort = new AbortController();

  constructor(task: PiecesTask) {
    this.#task = task;
    const ranges = task.loader.pieces;
    this.#all = Array.from({ length: ranges.length / 2 }, (_, index) => ({ index, offset: ranges[2 * index] ?? 0, length: ranges[2 * index + 1] ?? 0 }));
    this.#pending = [...this.#all];
    this.#counts = this.#all.map(() => 0);
    this.#stored = task.stored;
  }

  async run(): Promise<boolean> {
    const { signal } = this.#task;
    const onAbort = (): void => this.#abort.abort();
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    // All of them end before anybody does anything else with the loader.
    await Promise.all(Array.from({ length: AT_A_TIME }, () => this.#work()));
    signal.removeEventListener("abort", onAbort);
    if (this.#failure !== null) throw this.#failure.error;
    await this.#storing;
    return this.#stored !== null;
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    try {
      for (let piece = this.#next(); piece !== undefined; piece = this.#next()) await this.#bring(piece);
    } catch (error) {
      this.#failure ??= { error };
      // The others would go on for nothing.
      this.#abort.abort();
      this.#task.weights.close();
    }
  }

  #next(): (Piece & { readonly isElsewhere: boolean }) | undefined {
    if (this.#failure !== null) return undefined;
    const piece = this.#pending.shift();
    if (piece !== undefined) return { ...piece, isElsewhere: false };
    const left = this.#elsewhere.shift();
    return left === undefined ? undefined : { ...left, isElsewhere: true };
  }

  async #bring(piece: Piece & { readonly isElsewhere: boolean }): Promise<void> {
    if (await this.#restore(piece)) return;
    const { locks, weights } = this.#task;
    const stored = this.#stored;
    if (stored === null || locks === null || weights.isSequential) return this.#fetch(piece);
    const name = `clip-ttl ${stored.key} ${piece.index}`;
    // Another tab may have brought it in since we looked.
    const work = async (): Promise<void> => {
      if (!(await this.#restore(piece))) await this.#fetch(piece);
    };
    if (piece.isElsewhere) await whenFree(locks, name, this.#abort.signal, work);
    else if (!(await ifFree(locks, name, work))) this.#elsewhere.push(piece);
  }

  /** Takes a piece from the storage, if it is there and whole. */
  async #restore({ index, length }: Piece): Promise<boolean> {
    const bytes = (await this.#stored?.readPiece(index)) ?? null;
    if (bytes === null) return false;
    try {
      this.#task.loader.restore(index, bytes);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
      await this.#stored?.removePiece(index);
      return false;
    }
    this.#count(index, length);
    this.#task.progress.pieceDone(length);
    return true;
  }

  async #fetch({ index, offset, length }: Piece): Promise<void> {
    const { weights, loader, progress } = this.#task;
    const bytes = await weights.read(offset, length, (count) => this.#count(index, count));
    if (this.#failure !== null) return;
    loader.push(index, bytes);
    progress.pieceDone(0);
    if (this.#stored !== null) await this.#store(this.#stored, index, loader.encoded(index));
  }

  /** One after another: that they are refused should be noticed once. */
  #store(stored: StoredModel, index: number, bytes: Uint8Array): Promise<unknown> {
    this.#storing = this.#storing.then(async () => {
      if (this.#stored === null) return;
      try {
        await stored.writePiece(index, bytes);
      } catch (error) {
        this.#stored = null;
        await this.#task.onStorageFailed(error);
      }
    });
    return this.#storing;
  }

  #count(index: number, bytes: number): void {
    this.#counts[index] = bytes;
    const sum = this.#counts.reduce((total, count) => total + count, 0);
    this.#task.progress.advance(this.#task.weights.name, this.#task.countedBytes + sum);
  }
}
