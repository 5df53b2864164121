/** The element's picture: of several that were wanted in a row the last one counts, and one that can't be shown changes nothing. */

import type { ImageInput } from "../types.js";
import type { ClipTtlError } from "../errors.js";
import { releasePicture, showPicture, type ShownPicture } from "./picture.js";
import { asClipTtlError } from "./session.js";

/** A picture to show, and what is known of it. */
export interface WantedPicture {
  readonly input: ImageInput;
  readonly alt: string;
  readonly name?: string;
}

export interface HolderListener {
  pictureChanged(picture: ShownPicture | null): void;
  /** The same picture has other words. */
  pictureDescribed(picture: ShownPicture): void;
  pictureRefused(error: ClipTtlError): void;
}

export class PictureHolder {
  readonly #listener: HolderListener;
  #picture: ShownPicture | null = null;
  #wanted: WantedPicture | null = null;
  #isRefused = false;
  /** What the picture that is shown was wanted as. */
  #shown: ImageInput | null = null;
  #arrival: Promise<void> = Promise.resolve();

  constructor(listener: HolderListener) {
    this.#listener = listener;
  }

  get picture(): ShownPicture | null {
    return this.#picture;
  }

  /** Resolves when the picture that is wanted now is shown, or refused. */
  get arrival(): Promise<void> {
    return this.#arrival;
  }

  /** Reads a picture that was refused once more when it is wanted the next time. */
  retry(): void {
    if (this.#isRefused) this.#wanted = null;
  }

  /** Wants a picture, or none. The same one as before is not read again. */
  want(wanted: WantedPicture | null): void {
    const old = this.#wanted;
    if (old?.input === wanted?.input && old?.alt === wanted?.alt) return;
    this.#wanted = wanted;
    if (wanted === null) this.#show(null);
    else if (old?.input === wanted.input) this.#describe(wanted);
    else this.#arrival = this.#read(wanted);
  }

  async #read(wanted: WantedPicture): Promise<void> {
    this.#isRefused = false;
    const { input, name } = wanted;
    try {
      const picture = await showPicture(input, { alt: wanted.alt, ...(name === undefined ? {} : { name }) });
      // The words may have changed meanwhile.
      if (this.#wanted?.input === input) this.#show({ ...picture, alt: this.#wanted.alt });
      else releasePicture(picture);
    } catch (error) {
      if (this.#wanted?.input !== input) return;
      this.#isRefused = true;
      this.#listener.pictureRefused(asClipTtlError(error));
    }
  }

  #describe({ input, alt }: WantedPicture): void {
    const picture = this.#picture;
    // One that is still on its way, or was refused, has nothing to describe.
    if (picture === null || this.#shown !== input) return;
    this.#picture = { ...picture, alt };
    this.#listener.pictureDescribed(this.#picture);
  }

  #show(picture: ShownPicture | null): void {
    const old = this.#picture;
    this.#picture = picture;
    this.#shown = this.#wanted?.input ?? null;
    if (old?.source === picture?.source) return;
    this.#listener.pictureChanged(picture);
    if (old !== null) releasePicture(old);
  }
}
