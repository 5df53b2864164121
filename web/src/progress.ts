/** Adds up what is known of a load, and tells it. */

import type { LoaderSummary } from "./clip_ttl.js";
import type { FileProgress, LoadProgress, RetryProgress, WeightsProgress } from "./load-types.js";
import type { Warning } from "./types.js";

/** Pieces of a download come by the thousand; telling of each would keep the page busy. */
const INTERVAL_MS = 50;

export class DownloadProgress {
  readonly #files = new Map<string, { loadedBytes: number; totalBytes: number | null }>();
  readonly #tell: (progress: LoadProgress) => void;
  readonly #intervalMs: number;
  readonly #warnings: Warning[] = [];
  readonly #retries = new Map<object, RetryProgress>();
  #weights: WeightsProgress | null = null;
  #stage: LoadProgress["stage"] = "download";
  #toldAtMs = -Infinity;

  constructor(tell: (progress: LoadProgress) => void, intervalMs: number = INTERVAL_MS) {
    this.#tell = tell;
    this.#intervalMs = intervalMs;
  }

  get warnings(): readonly Warning[] {
    return this.#warnings;
  }

  /** Announces a file, so that the total is complete before the first one has come. */
  expect(name: string, totalBytes: number | null): void {
    this.#files.set(name, { loadedBytes: 0, totalBytes });
    this.#report();
  }

  /** Takes an announced file back: there is none. */
  absent(name: string): void {
    this.#files.delete(name);
    this.#report();
  }

  /** Notes how much of a file has come. */
  advance(name: string, loadedBytes: number): void {
    const file = this.#files.get(name) ?? { loadedBytes: 0, totalBytes: null };
    // A server that announced too little is not believed any more.
    const totalBytes = file.totalBytes !== null && loadedBytes > file.totalBytes ? null : file.totalBytes;
    this.#files.set(name, { loadedBytes, totalBytes });
    if (performance.now() - this.#toldAtMs >= this.#intervalMs) this.#report();
  }

  /** Notes that a file is complete. */
  complete(name: string, bytes: number): void {
    this.#files.set(name, { loadedBytes: bytes, totalBytes: bytes });
    this.#report();
  }

  /** Notes what the weights' header said. */
  planned(summary: LoaderSummary, pieces: number, revision: string | null): void {
    const { fileDtype, dtype, parameters, sourceBytes, residentBytes } = summary;
    this.#weights = { revision, fileDtype, dtype, parameters, sourceBytes, residentBytes, fromCacheBytes: 0, pieces, piecesDone: 0 };
    this.#report();
  }

  /** Notes that a piece of the weights is where it belongs. */
  pieceDone(fromCacheBytes: number): void {
    if (this.#weights === null) return;
    const { piecesDone, fromCacheBytes: before } = this.#weights;
    this.#weights = { ...this.#weights, piecesDone: piecesDone + 1, fromCacheBytes: before + fromCacheBytes };
  }

  /** Notes that something is waited for, by whom, or (null) that it isn't any more. */
  retrying(waiter: object, retry: RetryProgress | null): void {
    const hadOne = this.#retries.delete(waiter);
    if (retry !== null) this.#retries.set(waiter, retry);
    if (hadOne || retry !== null) this.#report();
  }

  warn(warning: Warning): void {
    if (this.#warnings.some(({ code }) => code === warning.code)) return;
    this.#warnings.push(warning);
    this.#report();
  }

  /** Notes that the next stage has begun. */
  report(stage: LoadProgress["stage"]): void {
    this.#stage = stage;
    this.#report();
  }

  #report(): void {
    const files: FileProgress[] = [...this.#files].map(([name, file]) => ({ name, ...file }));
    const loadedBytes = files.reduce((sum, file) => sum + file.loadedBytes, 0);
    const totalBytes = files.reduce<number | null>((sum, { totalBytes: size }) => (sum === null || size === null ? null : sum + size), 0);
    const [retry = null] = this.#retries.values();
    this.#toldAtMs = performance.now();
    this.#tell({ stage: this.#stage, loadedBytes, totalBytes, files, weights: this.#weights, retry, warnings: [...this.#warnings] });
  }
}
