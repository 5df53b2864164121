/** What goes on, in words, and how far it is. */

import type { DeviceInfo, LoadProgress } from "../load-types.js";
import type { AdaptProgress } from "../types.js";
import type { Activity } from "./session.js";
import type { ElementStrings } from "./strings.js";

export interface StatusLine {
  readonly words: string;
  /** From 0 to 1; null where it can't be told; undefined where nothing goes on. */
  readonly share: number | null | undefined;
}

/** The status line of an activity, or null where nothing goes on. */
export function statusOf(activity: Activity, strings: ElementStrings): StatusLine | null {
  switch (activity.kind) {
    case "idle":
      return null;
    case "loading":
      return loadingStatus(activity.progress, strings);
    case "classifying":
      return { words: strings.widget.status.classifying, share: null };
    case "running":
      return runStatus(activity.progress, activity.steps, strings);
  }
}

function loadingStatus(progress: LoadProgress | null, { widget }: ElementStrings): StatusLine {
  const text = widget.status;
  if (progress === null) return { words: text.starting, share: null };
  if (progress.retry !== null) return { words: text.interrupted, share: null };
  if (progress.stage !== "download") return { words: text.preparing, share: null };
  return { words: text.loading(progress.loadedBytes, progress.totalBytes), share: shareOfLoad(progress) };
}

function runStatus(progress: AdaptProgress | null, steps: number, { widget }: ElementStrings): StatusLine {
  const text = widget.status;
  const share = progress === null ? null : shareOfRun(progress, steps);
  switch (progress?.stage) {
    case "queued":
      return { words: text.queued, share };
    case "labels":
      return { words: text.readingLabels(progress.labelsDone, progress.labelsTotal), share };
    case "encoding":
      return { words: text.encoding(progress.viewsDone, progress.viewsTotal), share };
    case "stepping":
      return { words: text.stepping(progress.step, progress.steps, progress.viewsDone, progress.viewsTotal), share };
    case "measuring":
      return { words: text.measuring(progress.viewsDone, progress.viewsTotal), share };
    default:
      return { words: text.running, share };
  }
}

/** How much of a load is done, from 0 to 1; null while its size isn't known. */
export function shareOfLoad({ stage, loadedBytes, totalBytes }: LoadProgress): number | null {
  if (stage === "ready") return 1;
  return totalBytes === null || totalBytes === 0 ? null : Math.min(1, loadedBytes / totalBytes);
}

/**
 * How much of a run is done, from 0 to 1; null before its first view. A look at all views is one part, a step, which goes through
 * fewer blocks but there and back, about as much.
 */
export function shareOfRun(progress: AdaptProgress, steps: number): number | null {
  const parts = steps + 2;
  switch (progress.stage) {
    case "encoding":
      return progress.viewsDone / progress.viewsTotal / parts;
    case "stepping":
      return (progress.step + progress.viewsDone / progress.viewsTotal) / parts;
    case "measuring":
      return (steps + 1 + progress.viewsDone / progress.viewsTotal) / parts;
    default:
      return null;
  }
}

/** What the model runs on, in words. */
export function deviceWords(device: DeviceInfo | null, { widget }: ElementStrings): string {
  if (device === null) return widget.device.none;
  if (device.kind === "cpu") return widget.device.cpu;
  return device.software ? widget.device.software(device.name) : widget.device.webgpu(device.name);
}
