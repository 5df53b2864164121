/** Pictures for the tests, good and bad, made here byte by byte. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";

import { REPOSITORY } from "./files.js";

/** A photograph of a cat, 451 x 300 pixels. */
export const CHELSEA = readFileSync(join(REPOSITORY, "www", "samples", "chelsea.png"));
/** A photograph, as JPEG. */
export const HORSES = readFileSync(join(REPOSITORY, "www", "samples", "horses.jpg"));
/** The samples as the page lists them. */
export const SAMPLES = JSON.parse(readFileSync(join(REPOSITORY, "www", "samples", "samples.json"), "utf8")) as {
  readonly file: string;
  readonly title: string;
  readonly labels: readonly string[];
  readonly alt: string;
  readonly note: string;
}[];

/** A pixel's red, green and blue, from 0 to 255. */
export type Rgb = readonly [number, number, number];

/** A PNG of any size and content. */
export function png(width: number, height: number, colour: (x: number, y: number) => Rgb): Buffer {
  const rows = Array.from({ length: height }, (_, y) => [0, ...Array.from({ length: width }, (_, x) => colour(x, y)).flat()]);
  return Buffer.concat([SIGNATURE, header(width, height), chunk("IDAT", deflateSync(Buffer.from(rows.flat()))), chunk("IEND", Buffer.alloc(0))]);
}

/** Bright and dark squares of two colours: a picture that differs from view to view. */
export function squares(one: Rgb, other: Rgb): Buffer {
  return png(96, 72, (x, y) => ((x >> 3) + (y >> 4)) % 2 === 0 ? one : other);
}

/** A correct PNG whose header promises a size that nobody should make room for, and whose pixels are few. */
export function hugePng(width: number, height: number): Buffer {
  return Buffer.concat([SIGNATURE, header(width, height), chunk("IDAT", deflateSync(Buffer.alloc(4096))), chunk("IEND", Buffer.alloc(0))]);
}

/** The first part of a file, as a broken download leaves it. */
export function truncated(file: Buffer, share = 0.5): Buffer {
  return file.subarray(0, Math.floor(file.length * share));
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** 8 bits of red, green and blue each, not interlaced. */
function header(width: number, height: number): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.set([8, 2, 0, 0, 0], 8);
  return chunk("IHDR", data);
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, checksum]);
}
