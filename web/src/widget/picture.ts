/** Turns files, addresses, `<img>`s and everything else that is a picture into one that can be shown and asked about. */

import type { PictureSource } from "../element/view-data.js";
import { ClipTtlError } from "../errors.js";
import { classifyImage, MAX_PIXELS, MAX_SIDE, startsLikePicture } from "../image.js";
import type { ImageInput } from "../types.js";

/** A picture that is shown. */
export interface ShownPicture {
  /** What the engine gets: files and addresses as they came, since the engine decodes them itself; pixels as they were when they were given. */
  readonly input: ImageInput;
  /** Where an `<img>` had it from: it may show another one later. Empty for anything else. */
  readonly address: string;
  /** What it is called: a file's name, the end of an address. Empty where it has none. */
  readonly name: string;
  /** What it shows in words, from who put it there; empty where nobody said. */
  readonly alt: string;
  /** The upright picture made small, to be shown and cut views from. */
  readonly source: PictureSource;
  /** The copy of the pixels that `input` is, to be freed with the picture. */
  readonly snapshot: ImageBitmap | null;
}

/** Longest side of the copy that is shown. */
const SMALL_SIDE = 1280;

/**
 * Decodes a picture off the page's thread, and keeps a small copy.
 *
 * @throws ClipTtlError where the browser can't show it
 */
export async function showPicture(input: ImageInput, details: { readonly name?: string; readonly alt?: string } = {}): Promise<ShownPicture> {
  const known = { name: details.name ?? nameOf(input), alt: details.alt ?? "", address: "", snapshot: null };
  switch (classifyImage(input)) {
    case "address": {
      const image = new Image();
      image.decoding = "async";
      image.src = String(input);
      return { ...known, input: image, source: await sourceOfElement(image, known.name) };
    }
    case "image-element": {
      const image = input as HTMLImageElement;
      const source = await sourceOfElement(image, details.name);
      return { ...known, input, name: details.name ?? nameOf(image), alt: details.alt ?? image.alt, address: image.currentSrc, source };
    }
    case "bytes":
      return showPicture(new Blob([input as ArrayBuffer | Uint8Array<ArrayBuffer>]), details);
    case "blob":
      return { ...known, input, source: await sourceOfBlob(input as Blob, known.name) };
    case "image-data": {
      // Drawing goes on in what a page has given: shown and adapted to is what was there then, to the bit.
      const pixels = structuredClone(input as ImageData);
      return showBitmap(await bitmapOf(pixels, known.name), { ...known, input: pixels });
    }
    case "image-bitmap":
    case "canvas": {
      const snapshot = await bitmapOf(input as ImageBitmap | HTMLCanvasElement | OffscreenCanvas, known.name);
      return showBitmap(snapshot, { ...known, input: snapshot, snapshot });
    }
    case null:
      throw new ClipTtlError("image-unsupported", "this is not something that a picture can be read from");
  }
}

/** Frees the copies. */
export function releasePicture({ source, snapshot }: ShownPicture): void {
  source.image.close();
  snapshot?.close();
}

async function sourceOfElement(image: HTMLImageElement, givenName?: string): Promise<PictureSource> {
  for (;;) {
    const { src, currentSrc } = image;
    try {
      await image.decode();
    } catch (cause) {
      // An <img> that gets another address meanwhile calls the old one off, and shows the new one soon.
      if (image.src !== src || image.currentSrc !== currentSrc) continue;
      throw new ClipTtlError("network", `the picture ${quoted(givenName ?? nameOf(image))} can't be shown: it is not there, or not a picture`, { cause });
    }
    return shrink(image, { width: image.naturalWidth, height: image.naturalHeight }, givenName ?? nameOf(image));
  }
}

async function sourceOfBlob(file: Blob, name: string): Promise<PictureSource> {
  const whole = await bitmapOf(file, name);
  try {
    return await shrink(whole, { width: whole.width, height: whole.height }, name);
  } finally {
    whole.close();
  }
}

/** Shows a bitmap, which is freed where that fails, or nobody keeps it. */
async function showBitmap(bitmap: ImageBitmap, picture: Omit<ShownPicture, "source">): Promise<ShownPicture> {
  try {
    const source = await shrink(bitmap, { width: bitmap.width, height: bitmap.height }, picture.name);
    if (picture.snapshot === null) bitmap.close();
    return { ...picture, source };
  } catch (error) {
    bitmap.close();
    throw error;
  }
}

async function bitmapOf(input: ImageBitmapSource, name: string): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(input);
  } catch (cause) {
    const isPicture = input instanceof Blob && (await startsLikePicture(input));
    const reason = `${quoted(name)} ${isPicture ? "is damaged or incomplete" : "can't be read as a picture"}`;
    throw new ClipTtlError(isPicture ? "picture-corrupt" : "picture-unknown-format", reason, { cause });
  }
}

async function shrink(image: HTMLImageElement | ImageBitmap, size: { width: number; height: number }, name: string): Promise<PictureSource> {
  const { width, height } = size;
  if (width === 0 || height === 0) throw new ClipTtlError("picture-empty", `${quoted(name)} has no pixels`);
  if (width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS) {
    throw new ClipTtlError("picture-too-large", `${quoted(name)} is ${width} x ${height} pixels`);
  }
  const scale = Math.min(1, SMALL_SIDE / Math.max(width, height));
  const options = { resizeWidth: Math.max(1, Math.round(width * scale)), resizeHeight: Math.max(1, Math.round(height * scale)), resizeQuality: "high" } as const;
  try {
    return { image: await createImageBitmap(image, options), width, height };
  } catch (cause) {
    throw new ClipTtlError("picture-corrupt", `${quoted(name)} can't be decoded`, { cause });
  }
}

function nameOf(input: ImageInput): string {
  if (input instanceof File) return input.name;
  const address = typeof input === "string" || input instanceof URL ? String(input) : input instanceof HTMLImageElement ? input.currentSrc || input.src : "";
  if (!/^https?:/.test(address)) return "";
  const last = new URL(address).pathname.split("/").pop() ?? "";
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

function quoted(name: string): string {
  return name === "" ? "the picture" : `"${name}"`;
}

/** The picture of a drop or a paste: a file, or else a web address; null where there is neither. */
export function pictureOf(data: DataTransfer | null): File | string | null {
  const files = [...(data?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0] ?? addressOf(data);
}

function addressOf(data: DataTransfer | null): string | null {
  const lines = (data?.getData("text/uri-list") || data?.getData("text/plain") || "").split("\n");
  const address = lines.find((line) => !line.startsWith("#"))?.trim() ?? "";
  return /^https?:\/\/\S+$/i.test(address) ? address : null;
}

/** Whether something that is dragged over an element may be dropped there. */
export function mayHoldPicture(data: DataTransfer | null): boolean {
  return data !== null && (data.types.includes("Files") || data.types.includes("text/uri-list"));
}
