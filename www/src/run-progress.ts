/** How far loading and running have come, in words and as a share of the whole. */

import type { AdaptProgress, DeviceInfo, LoadProgress } from "clip-ttl";
import { text } from "./strings.js";

export interface ProgressWords {
  readonly words: string;
  /** From 0 to 1; null where it can't be told. */
  readonly share: number | null;
}

/** The engine's way from nothing to ready; null where there is nothing new to say. */
export function wordsOfLoading(progress: LoadProgress | null): ProgressWords | null {
  if (progress === null) return { words: text.status.starting, share: null };
  const { stage, loadedBytes, totalBytes, retry } = progress;
  if (retry !== null) return { words: retry.delayMs === null ? text.status.offline : text.status.interrupted(retry.reason), share: null };
  if (stage === "download") return { words: text.status.loading(loadedBytes, totalBytes), share: totalBytes === null ? null : loadedBytes / totalBytes };
  return stage === "prepare" ? { words: text.status.preparing, share: null } : null;
}

/** A run's way; null for what isn't told. */
export function wordsOfProgress(progress: AdaptProgress): ProgressWords | null {
  switch (progress.stage) {
    case "labels":
      return { words: text.status.readingLabels(progress.labelsDone, progress.labelsTotal), share: null };
    case "encoding":
      return { words: text.status.encoding(progress.viewsDone, progress.viewsTotal), share: progress.viewsDone / progress.viewsTotal };
    case "stepping": {
      const within = progress.viewsDone / progress.viewsTotal;
      const words = text.status.stepping(progress.step, progress.steps, progress.viewsDone, progress.viewsTotal);
      return { words, share: (progress.step - 1 + within) / progress.steps };
    }
    case "measuring":
      return { words: text.status.measuring(progress.viewsDone, progress.viewsTotal), share: progress.viewsDone / progress.viewsTotal };
    case "queued":
      return { words: text.status.busy, share: null };
    default:
      return null;
  }
}

export function wordsOfDevice({ kind, name, software }: DeviceInfo): string {
  if (kind === "cpu") return text.device.cpu;
  return software ? text.device.software(name) : text.device.webgpu(name);
}
