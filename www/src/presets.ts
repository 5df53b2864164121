/** Example labels and prompts, and settings. */

import { LABEL_PRESETS as LABELS, type NumberOptionName } from "clip-ttl/element";

export interface LabelPreset {
  readonly name: string;
  readonly labels: readonly string[];
}

export const LABEL_PRESETS: readonly LabelPreset[] = [
  { name: "Animals", labels: LABELS.animals },
  { name: "Everyday things", labels: LABELS.things },
  { name: "Scenes", labels: LABELS.scenes },
];

export const DEFAULT_TEMPLATE = "a photo of a {}.";

export const TEMPLATE_PRESETS: readonly { readonly name: string; readonly template: string }[] = [
  { name: "a photo", template: DEFAULT_TEMPLATE },
  { name: "a close-up photo", template: "a close-up photo of a {}." },
  { name: "a blurry photo", template: "a blurry photo of a {}." },
  { name: "the label alone", template: "{}" },
];

/** Twice the paper's learning rate, which shows more of what adapting does. All else is the paper's. What it does to the model that ships is in docs/comparison. */
export const LARGER_STEP: Readonly<Partial<Record<NumberOptionName, number>>> = { learningRate: 0.01 };
