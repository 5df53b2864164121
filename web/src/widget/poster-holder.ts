/** The recorded run of an element: fetched when it may be, shown until somebody interacts. */

import type { ClipTtlError } from "../errors.js";
import { fetchPoster, type Poster } from "./poster.js";
import { asClipTtlError } from "./session.js";

export interface PosterListener {
  posterCame(poster: Poster): void;
  posterFailed(error: ClipTtlError): void;
}

export class PosterHolder {
  readonly #listener: PosterListener;
  #address = "";
  #abort: AbortController | null = null;
  #isOver = false;
  #poster: Poster | null = null;

  constructor(listener: PosterListener) {
    this.#listener = listener;
  }

  /** What was recorded: it stays as the source of labels and settings when it isn't shown any more. */
  get poster(): Poster | null {
    return this.#poster;
  }

  /** Whether a recorded run is shown, or to be shown. */
  get isShown(): boolean {
    return !this.#isOver && this.#address !== "";
  }

  /** The address that the author names now; empty for none. */
  name(address: string): void {
    if (address === this.#address) return;
    this.leave();
    this.#address = address;
    this.#poster = null;
    this.#isOver = false;
  }

  /** Fetches it, unless that has been done, or it isn't wanted any more. */
  fetch(): void {
    if (!this.isShown || this.#poster !== null || this.#abort !== null) return;
    const abort = new AbortController();
    this.#abort = abort;
    this.#read(abort.signal).then(
      (poster) => {
        if (abort.signal.aborted || this.#isOver) return;
        this.#poster = poster;
        this.#listener.posterCame(poster);
      },
      (error: unknown) => {
        if (abort.signal.aborted || this.#isOver) return;
        this.#isOver = true;
        this.#listener.posterFailed(asClipTtlError(error));
      },
    );
  }

  /** Somebody has interacted: what the author has recorded, at that address, is not enough any more. */
  dismiss(address: string): void {
    this.name(address);
    this.#isOver = true;
  }

  /** Stops fetching. */
  leave(): void {
    this.#abort?.abort();
    this.#abort = null;
  }

  async #read(signal: AbortSignal): Promise<Poster> {
    return fetchPoster(new URL(this.#address), signal);
  }
}
