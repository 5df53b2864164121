/** Where in the picture a crop lies, in words. */

import type { CropBox } from "clip-ttl";

interface Size {
  readonly width: number;
  readonly height: number;
}

export type Place = "all" | "middle" | "upper" | "lower" | "left" | "right" | "upper-left" | "upper-right" | "lower-left" | "lower-right";

/** From this share on a crop shows nearly the whole picture, wherever its middle is. */
const NEARLY_ALL = 0.7;
/** A crop's middle within this distance of the picture's, as a share of its side, counts as in the middle. */
const CENTRAL = 0.12;

/** The share of the picture's area that a crop shows, from 0 to 1. */
export function shareOf(box: CropBox, picture: Size): number {
  return Math.min(1, (box.width * box.height) / (picture.width * picture.height));
}

/** Where a crop's middle lies. */
export function placeOf(box: CropBox, picture: Size): Place {
  if (shareOf(box, picture) >= NEARLY_ALL) return "all";
  const across = (box.left + box.width / 2) / picture.width - 0.5;
  const down = (box.top + box.height / 2) / picture.height - 0.5;
  const row = Math.abs(down) <= CENTRAL ? "" : down < 0 ? "upper" : "lower";
  const column = Math.abs(across) <= CENTRAL ? "" : across < 0 ? "left" : "right";
  if (row === "" && column === "") return "middle";
  return [row, column].filter((part) => part !== "").join("-") as Place;
}
