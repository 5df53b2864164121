/** The recorded run of an element: fetched when it may be, shown until somebody interacts. */

import { sameItems } from "../element/dom.js";
import { asClipTtlError, type ClipTtlError } from "../errors.js";
import { fetchPoster, type Poster } from "./poster.js";

/** What an element asks now, to be held against what was recorded. */
export interface Present {
  /** What tells the picture from others: its address; null where there is none. */
  readonly picture: unknown;
  /** Whether a person or a script gave the picture, and no attribute and no child of the element. */
  readonly isGiven: boolean;
  readonly labels: readonly string[];
  readonly template: string;
}

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
  /** The picture that the author shows with the recording, under whichever address. */
  #picture: unknown = null;

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

  /** Takes the author's picture for the recorded one: which of them belong together can't be told by their addresses. */
  pairWith(picture: unknown): void {
    this.#picture = picture;
  }

  /** Whether what is asked now is what was recorded. */
  isAbout({ picture, isGiven, labels, template }: Present): boolean {
    const poster = this.#poster;
    if (poster === null || isGiven) return false;
    const { report } = poster;
    return (picture === this.#picture || picture === poster.picture) && sameItems(labels, report.labels) && template === report.template;
  }

  /** The address that the author names now; empty for none. */
  name(address: string): void {
    if (address === this.#address) return;
    this.leave();
    this.#address = address;
    this.#poster = null;
    this.#picture = null;
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

  /** Somebody has interacted, or asks something else: what was recorded is not enough any more. */
  dismiss(): void {
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
