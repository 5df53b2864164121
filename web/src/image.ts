/**
 * Pictures of all kinds, made ready for the engine.
 *
 * Files and addresses stay encoded: the engine decodes and resizes them exactly as Pillow does, which a canvas doesn't,
 * and CLIP notices the difference. Only what exists as pixels alone is handed over as pixels.
 */

import { absoluteUrl } from "./assets.js";
import { cancelled, ClipTtlError } from "./errors.js";
import { expectedBytes, fetchChecked, shortUrl } from "./fetching.js";
import type { WireImage } from "./protocol.js";
import type { ImageInput } from "./types.js";

/** Larger files are refused before they are read, or as soon as that shows; the engine has its own limit on pixels. */
export const MAX_ENCODED_BYTES = 256 * 1024 * 1024;
/** The engine's limits (MAX_SIDE, MAX_PIXELS in clip-model's picture.rs), looked at before pixels are copied. */
export const MAX_SIDE = 16_384;
export const MAX_PIXELS = 64_000_000;

export type ImageKind = "blob" | "address" | "bytes" | "image-data" | "image-bitmap" | "image-element" | "canvas";

/** What an input is, or null where it is nothing that can be a picture. Works across frames, where `instanceof` doesn't. */
export function classifyImage(input: unknown): ImageKind | null {
  if (typeof input === "string") return "address";
  switch (Object.prototype.toString.call(input)) {
    case "[object File]":
    case "[object Blob]":
      return "blob";
    case "[object URL]":
      return "address";
    case "[object ArrayBuffer]":
    case "[object Uint8Array]":
    case "[object Uint8ClampedArray]":
      return "bytes";
    case "[object ImageData]":
      return "image-data";
    case "[object ImageBitmap]":
      return "image-bitmap";
    case "[object HTMLImageElement]":
      return "image-element";
    case "[object HTMLCanvasElement]":
    case "[object OffscreenCanvas]":
      return "canvas";
    default:
      return null;
  }
}

/**
 * Makes a picture ready to be sent to the worker.
 *
 * @throws ClipTtlError with a code of its own for each thing that can be wrong with it.
 */
export async function prepareImage(input: ImageInput, signal?: AbortSignal): Promise<WireImage> {
  switch (classifyImage(input)) {
    case "blob":
      return encoded(input as Blob, input instanceof File ? input.name : "the file");
    case "address":
      return fetchImage(absoluteUrl(input as string | URL), signal);
    case "bytes":
      return encoded(new Blob([input as ArrayBuffer | Uint8Array<ArrayBuffer>]), "the bytes");
    case "image-data":
      return fromImageData(input as ImageData);
    case "image-bitmap":
      return fromDrawable(input as ImageBitmap, input as ImageBitmap);
    case "canvas":
      return fromDrawable(input as HTMLCanvasElement, input as HTMLCanvasElement);
    case "image-element":
      return fromElement(input as HTMLImageElement, signal);
    case null:
      throw new ClipTtlError("image-unsupported", `${describe(input)} is not something that a picture can be read from`);
  }
}

async function fetchImage(url: URL, signal?: AbortSignal): Promise<WireImage> {
  const response = await fetchChecked(url, "the picture", signal);
  const blob = await readBlob(response, url, signal);
  const type = blob.type.split(";")[0] ?? "";
  if (/^text\/|\/(json|javascript|pdf)$/.test(type) && !(await startsLikePicture(blob))) {
    throw new ClipTtlError("picture-unknown-format", `${shortUrl(url)} is not a picture, but a document (${type})`);
  }
  return encoded(blob, shortUrl(url));
}

/** The body, of the type that its server says; one that is too large is not read to its end, whether its length was announced or not. */
async function readBlob(response: Response, url: URL, signal: AbortSignal | undefined): Promise<Blob> {
  const reader = response.body?.getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  try {
    refuseHugeFile(expectedBytes(response.headers) ?? 0);
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done) break;
      bytes += value.length;
      refuseHugeFile(bytes);
      parts.push(value);
    }
  } catch (cause) {
    void reader?.cancel().catch(() => undefined);
    if (cause instanceof ClipTtlError) throw cause;
    if (signal?.aborted === true) throw cancelled("Reading the picture", signal);
    throw new ClipTtlError("network", `the picture came only in part from ${shortUrl(url)}`, { cause });
  }
  return new Blob(parts, { type: response.headers.get("content-type") ?? "" });
}

function encoded(data: Blob, source: string): WireImage {
  if (data.size === 0) throw new ClipTtlError("picture-empty", `${source} has no bytes`);
  refuseHugeFile(data.size);
  return { kind: "encoded", data, source };
}

function refuseHugeFile(bytes: number): void {
  if (bytes <= MAX_ENCODED_BYTES) return;
  const size = (value: number): string => `${Math.round(value / 1024 / 1024)} MiB`;
  throw new ClipTtlError("picture-too-large", `the picture's file has ${size(bytes)}; at most ${size(MAX_ENCODED_BYTES)} can be opened`);
}

/** The first bytes of the formats that the engine decodes: PNG, JPEG, GIF, BMP, and WebP within RIFF. */
const SIGNATURES: readonly { readonly offset: number; readonly bytes: string }[] = [
  { offset: 0, bytes: "\x89PNG\r\n\x1a\n" },
  { offset: 0, bytes: "\xff\xd8\xff" },
  { offset: 0, bytes: "GIF8" },
  { offset: 0, bytes: "BM" },
  { offset: 8, bytes: "WEBP" },
];

/** Whether a file begins as one of the engine's formats does, whatever its server or its name say. */
export async function startsLikePicture(blob: Blob): Promise<boolean> {
  const head = String.fromCharCode(...new Uint8Array(await blob.slice(0, 16).arrayBuffer()));
  return SIGNATURES.some(({ offset, bytes }) => head.startsWith(bytes, offset));
}

/** An `<img>` is its file where that can be read again; else (a released blob: address, a drawing) what it shows. */
async function fromElement(image: HTMLImageElement, signal?: AbortSignal): Promise<WireImage> {
  const address = image.currentSrc || image.src;
  if (address === "") throw new ClipTtlError("picture-empty", "the <img> has no src");
  const shows = image.complete && image.naturalWidth > 0;
  const drawn = (): WireImage => fromDrawable(image, { width: image.naturalWidth, height: image.naturalHeight });
  let wire: WireImage;
  try {
    wire = await fetchImage(absoluteUrl(address, image.baseURI), signal);
  } catch (error) {
    const mayBeDrawn = error instanceof ClipTtlError && (error.code === "network" || error.code === "cors");
    if (!mayBeDrawn || !shows || isForeign(image)) throw error;
    return drawn();
  }
  const isDrawing = wire.kind === "encoded" && wire.data instanceof Blob && wire.data.type.startsWith("image/svg");
  return isDrawing && shows ? drawn() : wire;
}

/** Whether the browser would refuse to give out what an `<img>` shows. */
function isForeign(image: HTMLImageElement): boolean {
  const url = absoluteUrl(image.currentSrc || image.src, image.baseURI);
  return url.protocol.startsWith("http") && url.origin !== globalThis.location?.origin && image.crossOrigin === null;
}

function fromImageData(data: ImageData): WireImage {
  const { width, height, data: values } = data;
  refuseHugePicture(width, height);
  if (data.colorSpace === "srgb" && values instanceof Uint8ClampedArray) {
    // A copy: the caller goes on owning, and perhaps changing, the original.
    return { kind: "rgba", width, height, data: values.slice().buffer };
  }
  // Wide-gamut and floating-point pixels become sRGB bytes as the browser would show them.
  const canvas = makeCanvas(width, height);
  context2d(canvas).putImageData(data, 0, 0);
  return readPixels(canvas, width, height);
}

function fromDrawable(source: CanvasImageSource, size: { readonly width: number; readonly height: number }): WireImage {
  const { width, height } = size;
  if (width === 0 || height === 0) throw new ClipTtlError("picture-empty", "the picture has no pixels: it is closed, or not loaded yet");
  refuseHugePicture(width, height);
  const canvas = makeCanvas(width, height);
  context2d(canvas).drawImage(source, 0, 0, width, height);
  return readPixels(canvas, width, height);
}

function refuseHugePicture(width: number, height: number): void {
  if (width <= MAX_SIDE && height <= MAX_SIDE && width * height <= MAX_PIXELS) return;
  const limits = `at most ${MAX_SIDE} on a side and ${MAX_PIXELS} in all can be opened`;
  throw new ClipTtlError("picture-too-large", `the picture is ${width} x ${height} pixels; ${limits}`);
}

type AnyCanvas = HTMLCanvasElement | OffscreenCanvas;
type AnyContext = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

function makeCanvas(width: number, height: number): AnyCanvas {
  if (typeof OffscreenCanvas !== "undefined") return new OffscreenCanvas(width, height);
  return Object.assign(document.createElement("canvas"), { width, height });
}

function context2d(canvas: AnyCanvas): AnyContext {
  const context = canvas.getContext("2d", { willReadFrequently: true }) as AnyContext | null;
  if (context === null) throw new ClipTtlError("out-of-memory", `the browser gives no canvas of ${canvas.width} x ${canvas.height} pixels`);
  return context;
}

function readPixels(canvas: AnyCanvas, width: number, height: number): WireImage {
  try {
    const pixels = context2d(canvas).getImageData(0, 0, width, height);
    return { kind: "rgba", width, height, data: (pixels.data as Uint8ClampedArray<ArrayBuffer>).buffer };
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "SecurityError") {
      throw new ClipTtlError("cors", "this picture holds pixels of another site, which the browser does not give out", { cause });
    }
    throw cause;
  }
}

/** The buffers of a picture that may be handed over instead of copied: nobody else has them. */
export function transferables(image: WireImage): ArrayBuffer[] {
  return image.data instanceof ArrayBuffer ? [image.data] : [];
}

/** A few words on a value for a message. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  return typeof value === "object" ? `a value of type ${tag}` : `a ${typeof value}`;
}

/** Decodes a file with the browser, for formats that the engine doesn't know (AVIF); null where the browser doesn't either. */
export async function decodeWithBrowser(file: Blob): Promise<Extract<WireImage, { kind: "rgba" }> | null> {
  if (typeof createImageBitmap === "undefined") return null;
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { premultiplyAlpha: "none" });
  } catch {
    return null;
  }
  try {
    const wire = fromDrawable(bitmap, bitmap);
    return wire.kind === "rgba" ? wire : null;
  } finally {
    bitmap.close();
  }
}
