/** How fast bytes come in, over the last few seconds: long enough to be read, short enough to be true. */

const WINDOW_MS = 4000;
/** From fewer than this nothing is concluded. */
const SHORTEST_MS = 500;

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

export class TransferRate {
  #samples: Sample[] = [];

  /** Notes how many bytes have come so far. */
  add(bytes: number, nowMs: number): void {
    // Fewer than before: a new attempt has begun.
    if (bytes < (this.#samples.at(-1)?.bytes ?? 0)) this.#samples = [];
    this.#samples.push({ atMs: nowMs, bytes });
    // The last sample before the window stays, as the window's beginning.
    while (this.#samples.length > 2 && (this.#samples[1]?.atMs ?? nowMs) < nowMs - WINDOW_MS) this.#samples.shift();
  }

  /** Null while too little is known; 0 where nothing has come for a while. */
  bytesPerSecond(nowMs: number): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || nowMs - first.atMs < SHORTEST_MS) return null;
    if (last.atMs < nowMs - WINDOW_MS) return 0;
    return ((last.bytes - first.bytes) / (nowMs - first.atMs)) * 1000;
  }
}
