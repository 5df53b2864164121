/**
 * Every text that the views show. A translation is another object of type `Strings`.
 * Texts with numbers are functions, so that a language may order its words as it likes.
 */

import { formatCount, formatNats, formatPercent, formatPoints } from "./format.js";

const LOCALE = "en";
const ordinalRules = new Intl.PluralRules(LOCALE, { type: "ordinal" });
const ORDINAL_SUFFIX: Readonly<Record<string, string>> = { one: "st", two: "nd", few: "rd", other: "th" };

function ordinal(rank: number): string {
  return `${rank}${ORDINAL_SUFFIX[ordinalRules.select(rank)] ?? "th"}`;
}

function updates(count: number): string {
  return count === 1 ? "1 update" : `${formatCount(count, LOCALE)} updates`;
}

const bars = {
  caption: "Probability of each label, before and after the adaptation",
  label: "Label",
  before: "Before",
  after: "After",
  change: "Change",
  changeUnit: "pp",
  changeHelp: "percentage points",
  rankChange: (from: number, to: number): string => `${ordinal(from)} to ${ordinal(to)}`,
  notYet: "not yet",
  empty: "Add labels to see their probabilities.",
  scale: (top: number): string => `0 to ${Math.round(top * 100)}%`,
  showAll: (count: number): string => `Show all ${formatCount(count, LOCALE)} labels`,
  showTop: (count: number): string => `Show the top ${count}`,
  spoken: (probability: number): string => formatPercent(probability),
  points: (difference: number): string => formatPoints(difference),
};

const plot = {
  readWithKeys: "Entropy over the updates. Arrow keys move from update to update.",
  xAxis: "updates done",
  yAxis: "nats",
  undecided: (labels: number): string => `no idea: ln ${formatCount(labels, LOCALE)} = ${Math.log(labels).toFixed(2)}`,
  atUpdate: (update: number): string => (update === 0 ? "Before any update" : `After ${updates(update)}`),
  noValues: "Values appear as the updates run.",
  tableSummary: "Values as a table",
  tableCaption: "Loss and entropies in nats, by the number of updates done",
  tableUpdates: "Updates",
  show: (name: string): string => `Show ${name}`,
  value: (value: number | null): string => formatNats(value),
  series: {
    prediction: { name: "Prediction", explanation: "entropy of the answer above" },
    mean: { name: "Mean of the views", explanation: "average of the views’ entropies" },
    marginal: { name: "Mean prediction", explanation: "entropy of the views’ averaged answer" },
    loss: { name: "Loss", explanation: "the views’ entropies, weighted" },
  },
};

const views = {
  list: "Views of the picture",
  order: "Order",
  asDrawn: "as drawn",
  byWeight: "highest weight first",
  centre: "centre",
  hint: "Point at a view, or move with the arrow keys, to see where it lies.",
  waiting: (count: number): string =>
    count === 1 ? "One view will be cut from the picture." : `${formatCount(count, LOCALE)} views will be cut from the picture.`,
  title: (index: number, count: number): string => `View ${index + 1} of ${count}`,
  isCentre: "the centre crop, which answers",
  mirrored: "mirrored",
  entropy: (before: number | null, after: number | null): string => {
    if (before === null) return "not measured yet";
    return after === null
      ? `entropy ${formatNats(before, 2)} nats`
      : `entropy ${formatNats(before, 2)} → ${formatNats(after, 2)} nats`;
  },
  weight: (weight: number): string => `weight ${weight.toFixed(2)}`,
  picture: "The picture with the views’ crop boxes drawn over it",
};

const controls = {
  group: "Settings",
  reset: "Back to the paper’s defaults",
  slider: (label: string): string => `${label}, slider`,
  newSeed: "New seed",
  outOfRange: (min: string, max: string): string => `Enter a number from ${min} to ${max}.`,
  notWhole: (min: string, max: string): string => `Enter a whole number from ${min} to ${max}.`,
  asInPaper: "as in the paper",
  changed: (settings: string): string => `changed: ${settings}`,
  options: {
    steps: { label: "Steps", explanation: "How many updates are made to the adapters.", unit: "" },
    learningRate: { label: "Learning rate", explanation: "How far one update moves each number.", unit: "" },
    views: { label: "Views", explanation: "How many crops it looks at, the centre crop included.", unit: "" },
    cropScaleMin: { label: "Smallest crop", explanation: "The least part of the picture’s area that a crop may show.", unit: "" },
    rank: { label: "Rank", explanation: "Width of the two small matrices that each adapter multiplies.", unit: "" },
    alpha: { label: "Alpha", explanation: "Strength of the adapters: their output is scaled by alpha / rank.", unit: "" },
    layers: { label: "Layers", explanation: "How many of the last vision blocks get adapters.", unit: "" },
    margin: { label: "Margin", explanation: "Entropy, in nats, at which a view weighs exactly 1.", unit: "nats" },
    seed: { label: "Seed", explanation: "Decides the crops and the adapters’ start. Same seed, same result.", unit: "" },
    device: { label: "Device", explanation: "Where it runs. Automatic takes the GPU where there is a real one.", unit: "" },
  },
  devices: { auto: "Automatic", webgpu: "GPU (WebGPU)", cpu: "CPU" },
};

export const english = { locale: LOCALE, ordinal, updates, bars, plot, views, controls };

export type Strings = typeof english;
