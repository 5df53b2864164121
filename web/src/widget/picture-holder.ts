/** The element's picture: of several that were wanted in a row the last one counts, and one that can't be shown changes nothing. */

import { classifyImage } from "../image.js";
import type { ImageInput } from "../types.js";
import { asClipTtlError, type ClipTtlError } from "../errors.js";
import { releasePicture, showPicture, type ShownPicture } from "./picture.js";

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
  /** The `<img>` that is wanted shows another picture than before. */
  pictureReplaced(): void;
}

export class PictureHolder {
  readonly #listener: HolderListener;
  #picture: ShownPicture | null = null;
  #wanted: WantedPicture | null = null;
  /** The address that the wanted `<img>` had when it was read; empty for anything else. */
  #address = "";
  #refusal: ClipTtlError | null = null;
  /** What the picture that is shown was wanted as. */
  #shown: ImageInput | null = null;
  /** Counts what was wanted, so that only the last is shown. */
  #turn = 0;
  #reading: Promise<void> | null = null;
  #watched: HTMLImageElement | null = null;

  constructor(listener: HolderListener) {
    this.#listener = listener;
  }

  get picture(): ShownPicture | null {
    return this.#picture;
  }

  /** What is shown, as it was given. */
  get given(): ImageInput | null {
    return this.#picture === null ? null : this.#shown;
  }

  /** Whether the picture that is wanted is still on its way. */
  get isReading(): boolean {
    return this.#reading !== null;
  }

  /** Why the picture that is wanted can't be shown, or null. */
  get refusal(): ClipTtlError | null {
    return this.#refusal;
  }

  /** Resolves when the picture that is wanted is shown, or refused, even if that is another one by then. */
  async settled(): Promise<void> {
    while (this.#reading !== null) await this.#reading;
  }

  /** Reads a picture that was refused once more when it is wanted the next time. */
  retry(): void {
    if (this.#refusal !== null) this.#wanted = null;
  }

  /** Wants a picture, or none. The same one as before is not read again, unless it is to be read `anew`: what a canvas shows changes. */
  want(wanted: WantedPicture | null, { anew = false }: { readonly anew?: boolean } = {}): void {
    const old = this.#wanted;
    const isSame = !anew && old?.input === wanted?.input && (wanted === null || addressOf(wanted.input) === this.#address);
    if (isSame && old?.alt === wanted?.alt) return;
    this.#wanted = wanted;
    this.#watch(wanted === null ? null : elementOf(wanted.input));
    if (wanted !== null && isSame) {
      this.#describe(wanted);
      return;
    }
    this.#turn += 1;
    this.#refusal = null;
    this.#address = wanted === null ? "" : addressOf(wanted.input);
    this.#reading = wanted === null ? null : this.#read(wanted, this.#turn);
    if (wanted === null) this.#show(null);
  }

  async #read(wanted: WantedPicture, turn: number): Promise<void> {
    const { input, name } = wanted;
    try {
      const picture = await showPicture(input, { alt: wanted.alt, ...(name === undefined ? {} : { name }) });
      if (turn !== this.#turn) {
        releasePicture(picture);
        return;
      }
      this.#reading = null;
      // The words may have changed meanwhile.
      this.#show({ ...picture, alt: this.#wanted?.alt ?? wanted.alt });
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#reading = null;
      this.#refusal = asClipTtlError(error);
      this.#listener.pictureRefused(this.#refusal);
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

  #watch(image: HTMLImageElement | null): void {
    if (image === this.#watched) return;
    this.#watched?.removeEventListener("load", this.#onLoad);
    this.#watched = image;
    image?.addEventListener("load", this.#onLoad);
  }

  readonly #onLoad = (): void => {
    // Reading waits for the load by itself, and what is shown already need not be read again.
    if (this.#reading === null && this.#picture?.address !== this.#watched?.currentSrc) this.#listener.pictureReplaced();
  };
}

function elementOf(input: ImageInput): HTMLImageElement | null {
  return classifyImage(input) === "image-element" ? (input as HTMLImageElement) : null;
}

function addressOf(input: ImageInput): string {
  return elementOf(input)?.src ?? "";
}
