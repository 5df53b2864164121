/** Whether there is enough to ask, or to adapt to, and what is missing. */

import { ClipTtlError, type ErrorCode } from "../errors.js";
import type { ShownPicture } from "./picture.js";
import type { Question } from "./session.js";
import type { Words } from "./strings.js";

export interface Asked {
  readonly picture: ShownPicture | null;
  readonly labels: readonly string[];
  readonly template: string;
}

/** What is missing, where, and in which words. */
export interface Missing {
  readonly place: "picture" | "labels" | "template";
  readonly error: ClipTtlError;
  readonly words: Words;
}

/** What can be asked now, or null. */
export function questionOf({ picture, labels, template }: Asked): Question | null {
  const isWhole = picture !== null && labels.length > 0 && new Set(labels).size === labels.length && template.includes("{}");
  return isWhole ? { picture: picture.input, labels, template } : null;
}

/** What has to be seen to before a run, or null. */
export function missingFor({ picture, labels, template }: Asked): Missing | null {
  const missing = (place: Missing["place"], code: ErrorCode, reason: string, words: Words): Missing => {
    return { place, error: new ClipTtlError(code, reason), words };
  };
  if (picture === null) return missing("picture", "image-unsupported", "there is no picture yet", ({ widget }) => widget.picture.missing);
  if (labels.length === 0) return missing("labels", "labels-none", "there are no labels", ({ widget }) => widget.labels.none);
  if (labels.length === 1) return missing("labels", "labels-too-few", "there is one label only", ({ widget }) => widget.labels.tooFew);
  const twice = labels.find((label, index) => labels.indexOf(label) !== index);
  if (twice !== undefined) {
    return missing("labels", "label-duplicate", `"${twice}" is there more than once`, ({ widget }) => widget.labels.duplicate(twice));
  }
  if (!template.includes("{}")) return missing("template", "template-invalid", "the prompt has no place for the label", ({ widget }) => widget.template.missing);
  return null;
}
