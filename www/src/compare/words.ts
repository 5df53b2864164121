/** Every text of the comparison that its scripts show. Text that never changes is in compare.html. */

import type { MethodDescription, OptionDescription } from "clip-ttl";
import { formatDuration, formatNats } from "clip-ttl/element";

const methods = (count: number): string => (count === 1 ? "1 method" : `${count} methods`);
/** A share of a full pass of all views, such as 0.25. */
const share = (passes: number): string => String(Number(passes.toPrecision(2)));

export const words = {
  kinds: {
    features: { title: "On features", note: "The views are encoded once; the rest takes next to no time." },
    forward: { title: "Forward only", note: "Candidates go through the last blocks; no gradient is taken." },
    gradient: { title: "With gradients", note: "Something is trained on this one picture, then forgotten." },
  } satisfies Record<MethodDescription["kind"], { readonly title: string; readonly note: string }>,
  zeroShot: { title: "Zero-shot", summary: "The model as it is, from the centre crop alone." },
  methods: {
    about: "What it does",
    options: "Options",
    changed: (count: number): string => (count === 0 ? "" : `${count} changed`),
    none: "Choose at least one method.",
    reset: "Reset",
    statistics: "Needs statistics of source pictures, which come with the small model.",
  },
  option: {
    range: (min: number | null, max: number | null): string => (min === null || max === null ? "" : `From ${min} to ${max}.`),
    lines: "One a line.",
    paper: (value: string): string => `The paper’s value is ${value}.`,
    wrong: (option: OptionDescription): string =>
      option.kind === "integer"
        ? `Must be a whole number from ${option.min} to ${option.max}.`
        : option.kind === "number"
          ? `Must be a number from ${option.min} to ${option.max}.`
          : option.choices.length > 0
            ? "Choose at least one."
            : `Must be ${Array.isArray(option.default) ? option.default.length : 1} numbers from ${option.min} to ${option.max}, with a comma between.`,
  },
  run: {
    encoding: (done: number, total: number): string => `Encoding the views, for all methods: ${done} of ${total}`,
    labels: (done: number, total: number): string => `Encoding the labels: ${done} of ${total}`,
    method: (title: string, index: number, count: number): string => `${title}: method ${index + 1} of ${count}`,
    starting: "Starting the comparison …",
    queued: "The engine is still busy with something else …",
    done: (count: number, durationMs: number, failed: number): string =>
      `${methods(count)} in ${formatDuration(durationMs)}${failed === 0 ? "" : `; ${methods(failed)} failed, and the table says why`}.`,
    cancelled: "Cancelled. What was there already is still here.",
    failed: "The comparison stopped. Everything you entered is still here.",
    cpuNext: "Press Run again to use the CPU.",
    model: (title: string): string => `The link asks for ${title}: it is loaded when you press Run.`,
  },
  outcome: {
    columns: ["Method", "Answer", "Likeliest labels", "Entropy in nats", "Cost"],
    about: (picture: string, labels: number, views: number, seed: number): string => `${picture}: ${labels} labels, ${views} views, seed ${seed}.`,
    table: "Outcome of each method",
    waiting: "Waits for its turn",
    computing: "Computes …",
    notRun: "Was not run",
    stays: (before: string): string => `as without adaptation (${before})`,
    instead: "instead of ",
    entropy: (before: number, after: number): string => `${formatNats(before)} → ${formatNats(after)}`,
    failed: (title: string, message: string): string => `${title} failed. ${message}`,
    shared: (durationMs: number): string => `${formatDuration(durationMs)}, shared by all methods`,
    cost: (durationMs: number): string => (durationMs < 1 ? "less than 1 ms" : formatDuration(durationMs)),
    passes: (forward: number, backward: number): string =>
      forward === 0 && backward === 0
        ? "no pass of the views: their features are there"
        : backward === 0
          ? `${share(forward)} passes forward, none backward`
          : `${share(forward)} passes forward, ${share(backward)} backward`,
  },
  agreement: {
    of: (count: number, all: number): string => `${count} of ${all}`,
  },
  link: {
    noMethod: (name: string): string => `“${name}” is not a method.`,
    noOption: (entry: string, title: string): string => `“${entry}” is not an option that ${title} has, or not a value of it.`,
  },
} as const;
