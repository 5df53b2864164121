/** Example labels and prompts, and settings. */

import type { NumberOptionName } from "clip-ttl/element";

export interface LabelPreset {
  readonly name: string;
  readonly labels: readonly string[];
}

export const LABEL_PRESETS: readonly LabelPreset[] = [
  { name: "Animals", labels: ["cat", "dog", "bird", "horse", "fish", "frog", "rabbit", "bear", "insect", "snake"] },
  {
    name: "Everyday things",
    labels: ["cup", "bottle", "chair", "table", "book", "clock", "shoe", "lamp", "umbrella", "telephone"],
  },
  {
    name: "Scenes",
    labels: ["beach", "mountain", "forest", "city street", "bridge", "harbour", "desert", "lake", "farm", "night sky"],
  },
];

export const DEFAULT_TEMPLATE = "a photo of a {}.";

export const TEMPLATE_PRESETS: readonly { readonly name: string; readonly template: string }[] = [
  { name: "a photo", template: DEFAULT_TEMPLATE },
  { name: "a close-up photo", template: "a close-up photo of a {}." },
  { name: "a blurry photo", template: "a blurry photo of a {}." },
  { name: "the label alone", template: "{}" },
];

/** What served the model that ships better than the paper's settings, of what was tried: docs/comparison has the figures. All else is the paper's. */
export const MEASURED_SETTINGS: Readonly<Partial<Record<NumberOptionName, number>>> = { learningRate: 0.01 };
