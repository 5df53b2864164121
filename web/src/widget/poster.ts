/** A recorded run that is shown until somebody interacts: the report of an episode with the address of its picture. */

import { ClipTtlError } from "../errors.js";
import { fetchChecked, shortUrl } from "../fetching.js";
import { DEFAULT_TEMPLATE } from "../template.js";
import type { EpisodeReport } from "../types.js";

export interface Poster {
  readonly report: EpisodeReport;
  /** Complete address of the picture, or null where the recording names none. */
  readonly picture: string | null;
  /** What the picture shows, in words. */
  readonly alt: string;
}

/** Fetches and checks a recorded run. Addresses in it count from its own. */
export async function fetchPoster(url: URL, signal: AbortSignal): Promise<Poster> {
  const response = await fetchChecked(url, "the poster", signal);
  let value: unknown;
  try {
    value = await response.json();
  } catch (cause) {
    throw new ClipTtlError("argument-invalid", `the poster ${shortUrl(url)} is not JSON`, { cause });
  }
  return readPoster(value, url);
}

/** A recorded run, if it is one. */
export function readPoster(value: unknown, url: URL): Poster {
  const wrong = (what: string): ClipTtlError => new ClipTtlError("argument-invalid", `the poster ${shortUrl(url)} is no recorded run: ${what}`);
  if (!isRecord(value)) throw wrong("it is not an object");
  const { labels, template = DEFAULT_TEMPLATE, method = "ttl", before, after, steps, views, picture, alt } = value;
  if (!isListOf(labels, (label) => typeof label === "string")) throw wrong("labels must be a list of strings");
  if (typeof template !== "string") throw wrong("template must be a string");
  if (typeof method !== "string") throw wrong("method must be a string");
  const isAnswer = (list: unknown): boolean =>
    isListOf(list, (entry) => isRecord(entry) && typeof entry["label"] === "string" && typeof entry["probability"] === "number") && list.length === labels.length;
  if (!isAnswer(before) || !isAnswer(after)) throw wrong("before and after must have a probability for each label");
  const isStep = (step: unknown): boolean => isRecord(step) && ["prediction", "viewEntropies", "viewWeights"].every((key) => isListOf(step[key], isNumber));
  if (!isListOf(steps, isStep)) throw wrong("steps must be the steps' reports");
  if (!isListOf(views, (view) => isRecord(view) && isRecord(view["box"]))) throw wrong("views must be the views' reports");
  if (typeof value["beforeEntropy"] !== "number") throw wrong("beforeEntropy must be a number");
  return {
    report: { ...value, template, method } as unknown as EpisodeReport,
    picture: typeof picture === "string" ? new URL(picture, url).href : null,
    alt: typeof alt === "string" ? alt : "",
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): boolean {
  return typeof value === "number";
}

function isListOf(value: unknown, isEntry: (entry: unknown) => boolean): value is unknown[] {
  return Array.isArray(value) && value.every(isEntry);
}
