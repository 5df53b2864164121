/** What an answer tells about the file behind it. */

import { expectedBytes } from "../fetching.js";

/** What tells one version of a file from another. */
export class Version {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Whether the two are of one kind: an ETag says nothing about a date. */
  isComparable(other: string): boolean {
    return kindOf(this.text) === kindOf(other);
  }
}

function kindOf(text: string): string {
  return text.slice(0, text.indexOf(":"));
}

/** The size of the whole file, where it is told and can be relied on. */
export function readTotal(response: Response): number | null {
  if (response.status === 206) {
    const [, total] = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "") ?? [];
    return total === undefined ? null : Number(total);
  }
  // Of other sites it isn't seen whether they have compressed the body; then the length is not the file's.
  return response.type === "cors" ? null : expectedBytes(response.headers);
}

/** The version by ETag, else by date. */
export function versionOf(response: Response): Version | null {
  const etag = response.headers.get("etag");
  // Compressing or cutting a file makes strong ETags weak.
  if (etag !== null) return new Version(`etag:${etag.replace(/^W\//, "").replace(/^"|"$/g, "")}`);
  const date = Date.parse(response.headers.get("last-modified") ?? "");
  return Number.isNaN(date) ? null : new Version(`modified:${new Date(date).toISOString()}`);
}
