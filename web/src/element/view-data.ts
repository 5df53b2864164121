/** What the strip and the overlay show of a view, and how a crop is drawn. */

import type { CropBox } from "../types.js";

export interface ViewData {
  readonly box: CropBox;
  /** Whether the view is mirrored. */
  readonly flip: boolean;
  /** Entropies of the model's answer on this view, in nats; null while unknown. */
  readonly entropyBefore: number | null;
  readonly entropyAfter: number | null;
  /** How much the view counts in the loss; null while unknown. */
  readonly weight: number | null;
}

/** A decoded picture, perhaps made smaller, with the size that crop boxes refer to. */
export interface PictureSource {
  readonly image: ImageBitmap;
  readonly width: number;
  readonly height: number;
}

/** Draws a crop into a square canvas, mirrored where the view is. Transparent pixels become white, as in the engine. */
export function drawCrop(canvas: HTMLCanvasElement, source: PictureSource, view: Pick<ViewData, "box" | "flip">): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const scaleX = source.image.width / source.width;
  const scaleY = source.image.height / source.height;
  const { left, top, width, height } = view.box;
  context.imageSmoothingQuality = "high";
  context.setTransform(view.flip ? -1 : 1, 0, 0, 1, view.flip ? canvas.width : 0, 0);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source.image, left * scaleX, top * scaleY, width * scaleX, height * scaleY, 0, 0, canvas.width, canvas.height);
  context.setTransform(1, 0, 0, 1, 0, 0);
}

/** Draws the whole picture into a canvas no wider or higher than `maxSide`. */
export function drawPicture(canvas: HTMLCanvasElement, source: PictureSource, maxSide: number): void {
  const scale = Math.min(1, maxSide / Math.max(source.width, source.height));
  canvas.width = Math.max(1, Math.round(source.width * scale));
  canvas.height = Math.max(1, Math.round(source.height * scale));
  const whole = { left: 0, top: 0, width: source.width, height: source.height };
  drawCrop(canvas, source, { box: whole, flip: false });
}
