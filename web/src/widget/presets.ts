/** Lists of labels that the attribute `labels` can name. */

export const LABEL_PRESETS = {
  animals: ["cat", "dog", "bird", "horse", "fish", "frog", "rabbit", "bear", "insect", "snake"],
  things: ["cup", "bottle", "chair", "table", "book", "clock", "shoe", "lamp", "umbrella", "telephone"],
  scenes: ["beach", "mountain", "forest", "city street", "bridge", "harbour", "desert", "lake", "farm", "night sky"],
  food: ["apple", "bread", "cake", "cheese", "coffee", "egg", "pizza", "salad", "soup", "sushi"],
  vehicles: ["airplane", "bicycle", "boat", "bus", "car", "helicopter", "motorcycle", "train", "tractor", "truck"],
} as const satisfies Record<string, readonly string[]>;

export type LabelPreset = keyof typeof LABEL_PRESETS;

export function isLabelPreset(name: string): name is LabelPreset {
  return Object.hasOwn(LABEL_PRESETS, name);
}
