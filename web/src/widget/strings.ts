/** What the element itself says, beside the texts of its views (`element/strings.ts`). A translation is another `ElementStrings`. */

import { formatBytes, formatCount, formatDuration } from "../element/format.js";
import { english as englishViews, type Strings } from "../element/strings.js";
import type { ErrorCode } from "../errors.js";

const LOCALE = "en";

function count(amount: number, one: string, many: string): string {
  return amount === 1 ? `1 ${one}` : `${formatCount(amount, LOCALE)} ${many}`;
}

const widget = {
  name: "CLIP that adapts itself to one picture",
  picture: {
    drop: "Drop a picture here",
    choose: "Choose a picture",
    change: "Change picture",
    none: "Stays on your device.",
    alt: (name: string): string => (name === "" ? "Your picture" : `Your picture: ${name}`),
    pasted: "pasted picture",
    missing: "Choose a picture first: drop one, paste one, or press “Choose a picture”.",
    taken: (name: string): string => (name === "" ? "New picture." : `New picture: ${name}.`),
    kept: "The picture from before is still here.",
  },
  labels: {
    title: "Labels",
    note: "One label a line",
    none: "Enter at least one label, one a line.",
    tooFew: "Adapting needs at least two labels: with one the answer is always certain.",
    duplicate: (label: string): string => `“${label}” is there more than once. Each label may appear once.`,
  },
  template: {
    title: "Prompt",
    missing: "Put {} where the label belongs, for example: a photo of a {}.",
  },
  buttons: {
    run: "Run",
    step: "Step",
    stepHelp: "Makes one update more than the last run; begins anew if anything else was changed",
    cancel: "Cancel",
    reset: "Reset",
    tryAgain: "Try again",
    continueOnCpu: "Continue on the CPU",
  },
  device: {
    cpu: "Runs on the CPU",
    webgpu: (name: string): string => (name === "" ? "Runs on the GPU" : `Runs on the GPU: ${name}`),
    software: (name: string): string => `Runs on a software GPU: ${name}`,
    none: "Runs in your browser",
  },
  status: {
    starting: "Starting the engine …",
    loading: (loadedBytes: number, totalBytes: number | null): string =>
      totalBytes === null ? `Loading the model: ${formatBytes(loadedBytes)}` : `Loading the model: ${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)}`,
    preparing: "Preparing the model …",
    picture: "Waiting for the picture …",
    interrupted: "Loading was interrupted; another attempt follows.",
    classifying: "Comparing the picture with the labels …",
    running: "Starting the run …",
    queued: "Waiting for another run on this page …",
    readingLabels: (done: number, total: number): string => `Reading labels: ${done} of ${total}`,
    encoding: (done: number, total: number): string => `Looking at views: ${done} of ${total}`,
    stepping: (step: number, steps: number, done: number, total: number): string => `Step ${step} of ${steps}: ${done} of ${total} views`,
    measuring: (done: number, total: number): string => `Measuring the views once more: ${done} of ${total}`,
    done: (steps: number, durationMs: number, onCpu: boolean): string =>
      `${count(steps, "update", "updates")} in ${formatDuration(durationMs)} on the ${onCpu ? "CPU" : "GPU"}.`,
    cancelled: "Cancelled.",
    reset: "Back to the answer before adapting.",
    poster: "A recorded run. Press Run to compute it here.",
    noMoreSteps: (steps: number): string => `A run makes at most ${count(steps, "step", "steps")}.`,
  },
  answer: {
    empty: "The answer appears here.",
    before: "Before adapting, the answer is {first} ({before}).",
    stays: "The answer stays {first}: {before} before, {after} after {updates}.",
    changes: "The answer changed from {first} ({before}) to {second} ({after}) after {updates}.",
    updates: (updates: number): string => count(updates, "update", "updates"),
  },
  announce: {
    running: "Adapting.",
    entropy: (before: string, after: string): string => `The entropy of the prediction went from ${before} to ${after} nats.`,
  },
  sections: {
    settings: "Settings",
    plot: "Entropy over the updates",
    views: "The views",
    invalid: "Correct the marked setting first.",
  },
  /**
   * Words for errors by their code; those that have none here are said in English, with the engine's own words. `{reason}` stands for what is
   * wrong in those words, for errors that mean too many things.
   */
  errors: {} as Partial<Record<ErrorCode, string>>,
};

export type ElementStrings = Strings & { readonly widget: typeof widget };

/** Something that is said, and can be said again in another language. */
export type Words = (strings: ElementStrings) => string;

export const english: ElementStrings = { ...englishViews, widget };
