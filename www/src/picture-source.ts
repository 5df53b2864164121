/** Turns files, clipboard data and addresses into pictures, or says why it can't. */

import type { PictureSource } from "clip-ttl/element";
import { text } from "./strings.js";

/** A picture that the page shows and hands to the engine. */
export interface LoadedPicture {
  /** The bytes as they came: the engine decodes them itself. */
  readonly blob: Blob;
  readonly name: string;
  /** An object URL of the bytes, for the preview. */
  readonly previewUrl: string;
  /** The upright picture made small, for thumbnails. */
  readonly source: PictureSource;
}

/** A problem with a picture, in words for the person who chose it. */
export class PictureProblem extends Error {}

const MAX_SIDE = 16_384;
const MAX_PIXELS = 64_000_000;
/** Longest side of the copy that thumbnails are cut from. */
const SMALL_SIDE = 1280;

/**
 * Reads a picture. Its size is looked at before its pixels are decoded, so that a huge one costs nothing.
 * @throws PictureProblem where the browser can't read it or it is too large
 */
export async function readPicture(blob: Blob, name: string): Promise<LoadedPicture> {
  const previewUrl = URL.createObjectURL(blob);
  try {
    const { width, height } = await measure(previewUrl, name);
    if (width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS) {
      throw new PictureProblem(text.picture.tooLarge(name, width, height));
    }
    const image = await shrink(blob, name, width, height);
    return { blob, name, previewUrl, source: { image, width, height } };
  } catch (error) {
    URL.revokeObjectURL(previewUrl);
    throw error;
  }
}

/** The upright picture, small: this is where its pixels are decoded for the first time. */
async function shrink(blob: Blob, name: string, width: number, height: number): Promise<ImageBitmap> {
  const scale = Math.min(1, SMALL_SIDE / Math.max(width, height));
  try {
    return await createImageBitmap(blob, {
      resizeWidth: Math.max(1, Math.round(width * scale)),
      resizeHeight: Math.max(1, Math.round(height * scale)),
      resizeQuality: "high",
    });
  } catch (error) {
    throw new PictureProblem(text.picture.damaged(name), { cause: error });
  }
}

/** Frees what a picture holds that the garbage collector doesn't. */
export function releasePicture(picture: LoadedPicture): void {
  URL.revokeObjectURL(picture.previewUrl);
  picture.source.image.close();
}

/** Upright size in pixels, read from the file's header. */
async function measure(url: string, name: string): Promise<{ width: number; height: number }> {
  const image = new Image();
  const loaded = new Promise<void>((resolve, reject) => {
    image.addEventListener("load", () => resolve(), { once: true });
    image.addEventListener("error", () => reject(new PictureProblem(text.picture.unreadable(name))), { once: true });
  });
  image.src = url;
  await loaded;
  if (image.naturalWidth === 0 || image.naturalHeight === 0) throw new PictureProblem(text.picture.unreadable(name));
  return { width: image.naturalWidth, height: image.naturalHeight };
}

/**
 * Fetches a picture from an address that a person typed. Only the browser and that site see the request.
 * @throws PictureProblem with advice
 */
export async function fetchPicture(address: string): Promise<{ blob: Blob; name: string }> {
  const url = parseAddress(address);
  if (url === null) throw new PictureProblem(text.url.notAnAddress);
  let response: Response;
  try {
    response = await fetch(url, { credentials: "omit", referrerPolicy: "no-referrer" });
  } catch (error) {
    throw new PictureProblem(text.url.unreachable, { cause: error });
  }
  if (!response.ok) throw new PictureProblem(text.url.status(response.status));
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("text/")) throw new PictureProblem(text.url.notAPicture);
  try {
    return { blob: await response.blob(), name: nameOf(url) };
  } catch (error) {
    throw new PictureProblem(text.url.unreachable, { cause: error });
  }
}

/** What a picture is called: the end of its address, or the site where that has none. Other addresses than of the web say nothing. */
function nameOf({ protocol, pathname, hostname }: URL): string {
  if (!/^https?:$/.test(protocol)) return text.picture.nameless;
  const last = pathname.split("/").pop() || hostname;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

function parseAddress(address: string): URL | null {
  try {
    const url = new URL(address.trim());
    return ["http:", "https:", "data:", "blob:"].includes(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/** The first picture file of a drop or a paste, or null. */
export function pictureOf(data: DataTransfer | null): File | null {
  const files = [...(data?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0] ?? null;
}

/** Whether a drag is for the text field that it is over: text goes in there, but for a file there the browser would leave the page. */
export function isForTextField({ target, dataTransfer }: DragEvent): boolean {
  return isTextField(target) && dataTransfer?.types.includes("Files") !== true;
}

export function isTextField(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}

/** The web address of a drop or a paste, or null. */
export function addressOf(data: DataTransfer | null): string | null {
  const line = (data?.getData("text/uri-list") || data?.getData("text/plain") || "").split("\n").find((entry) => !entry.startsWith("#"));
  const address = line?.trim() ?? "";
  return /^https?:\/\//i.test(address) ? address : null;
}
