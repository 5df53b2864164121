/** What `<clip-ttl>` offers, as data: the documentation is made from it, and a test holds it against the code. */

import { COLOURS } from "../element/theme.js";

export interface AttributeEntry {
  readonly name: string;
  /** The property that reflects it. */
  readonly property: string;
  /** The property's type, as TypeScript writes it. */
  readonly type: string;
  /** What the property is without the attribute, as JavaScript writes it. */
  readonly default: string;
  readonly description: string;
}

export interface PropertyEntry {
  readonly name: string;
  readonly type: string;
  readonly isReadOnly: boolean;
  readonly description: string;
}

export interface MethodEntry {
  readonly name: string;
  readonly type: string;
  readonly description: string;
}

export interface EventEntry {
  readonly name: string;
  /** Type of `event.detail`. */
  readonly detail: string;
  readonly description: string;
}

export interface NamedEntry {
  readonly name: string;
  readonly description: string;
}

export interface CustomPropertyEntry extends NamedEntry {
  readonly default: string;
}

export const ATTRIBUTES: readonly AttributeEntry[] = [
  { name: "src", property: "src", type: "string", default: '""', description: "Address of the picture." },
  { name: "alt", property: "alt", type: "string", default: '""', description: "What the picture shows, in words." },
  {
    name: "labels",
    property: "labels",
    type: "string[]",
    default: "the preset animals",
    description: "The labels: separated by commas, one a line, as a JSON list, or the name of a preset: animals, things, scenes, food or vehicles.",
  },
  { name: "template", property: "template", type: "string", default: '"a photo of a {}."', description: "The sentence around each label, with {} where the label goes." },
  {
    name: "model",
    property: "model",
    type: "string",
    default: '"pocket"',
    description: "The model: pocket, a repository of the hub as owner/name, or the address of a checkpoint; see ClipTtl.load.",
  },
  { name: "dtype", property: "dtype", type: '"auto" | "f32" | "f16" | "q8" | "q4"', default: '"auto"', description: "How the model's weights are kept in memory." },
  { name: "device", property: "device", type: '"auto" | "webgpu" | "cpu"', default: '"auto"', description: "Where the model runs." },
  { name: "method", property: "method", type: "string", default: '"ttl"', description: "The method of adaptation." },
  { name: "steps", property: "steps", type: "number", default: "1", description: "Number of updates, from 1 to 50." },
  { name: "views", property: "views", type: "number", default: "64", description: "Number of views of the picture, the centre crop included, from 1 to 256." },
  { name: "seed", property: "seed", type: "number", default: "0", description: "Decides the crops and the adapters' first values: the same seed gives the same result." },
  {
    name: "loading",
    property: "loading",
    type: '"lazy" | "eager" | "manual"',
    default: '"lazy"',
    description: "When engine and model are fetched: when the element comes near the view, at once, or only when somebody presses Run.",
  },
  { name: "autorun", property: "autorun", type: "boolean", default: "false", description: "Adapts by itself, once, as soon as the element is near the view and has a picture." },
  {
    name: "poster",
    property: "poster",
    type: "string",
    default: '""',
    description: "Address of a recorded run (an EpisodeReport as JSON, with the picture's address as picture), shown until somebody interacts, or picture, labels or prompt become others; the engine isn't fetched before.",
  },
  { name: "controls", property: "controls", type: "boolean", default: "false", description: "Offers the settings: steps, learning rate, views and so on." },
  { name: "compact", property: "compact", type: "boolean", default: "false", description: "Shows no more than the picture, an author's caption, the buttons, the answer and the bars." },
  {
    name: "hide",
    property: "hide",
    type: "string[]",
    default: "[]",
    description: "Parts to leave out, separated by spaces: picture, labels, template, buttons, device, status, answer, bars, settings, plot, views.",
  },
  { name: "asset-base", property: "assetBase", type: "string", default: '""', description: "Folder that the package's files are served from, where it isn't the script's own." },
  { name: "lang", property: "lang", type: "string", default: "the nearest lang of the page", description: "Language of the texts: en and ja come with the package, registerStrings adds others." },
];

/** Properties that no attribute has. */
export const OWN_PROPERTIES: readonly PropertyEntry[] = [
  { name: "result", type: "EpisodeReport | null", isReadOnly: true, description: "The report of the last run of the present picture and labels." },
  { name: "currentLabels", type: "readonly string[]", isReadOnly: true, description: "The labels that are asked about: as people have typed them, else as the attribute says." },
  { name: "image", type: "ImageInput | null", isReadOnly: false, description: "The picture: a File, Blob, address, ImageData, ImageBitmap, img or canvas; null goes back to what the attributes say. Its words are those of the img, else of alt." },
  { name: "options", type: "TtlOptions", isReadOnly: false, description: "Settings beside those that are attributes: learning rate, rank, margin and so on." },
];

export const METHODS: readonly MethodEntry[] = [
  { name: "run", type: "() => Promise<EpisodeReport>", description: "Adapts to the picture; rejects with a ClipTtlError." },
  { name: "step", type: "() => Promise<EpisodeReport>", description: "Runs again with one update more than the last result has." },
  { name: "cancel", type: "() => void", description: "Calls off what goes on; the result from before is there again." },
  { name: "reset", type: "() => void", description: "Goes back to the answer without adaptation." },
];

export const EVENTS: readonly EventEntry[] = [
  { name: "progress", detail: "ClipTtlProgress", description: "Loading, or a run, has come further; share is from 0 to 1, or null where it can't be told." },
  { name: "step", detail: "ClipTtlStep", description: "An update was made." },
  { name: "result", detail: "ClipTtlResult", description: "A run has ended; its report has everything about it." },
  { name: "error", detail: "ClipTtlFailure", description: "Something went wrong; code says what, message what to do about it." },
];

export const SLOTS: readonly NamedEntry[] = [
  { name: "picture", description: "An img whose picture is used where src is missing." },
  { name: "title", description: "A heading above everything." },
  { name: "caption", description: "A line below the picture, in place of its name and size; a compact element shows it too." },
  { name: "footer", description: "A line below everything." },
];

export const PARTS: readonly NamedEntry[] = [
  { name: "base", description: "The frame around everything." },
  { name: "picture", description: "The picture with its caption." },
  { name: "drop-zone", description: "The place where the picture is shown, and others are dropped." },
  { name: "overlay", description: "The picture with the views' boxes." },
  { name: "caption", description: "The line below the picture." },
  { name: "labels", description: "The labels and their title." },
  { name: "template", description: "The prompt and its title." },
  { name: "field", description: "Each field for text." },
  { name: "labels-field", description: "The labels' field." },
  { name: "template-field", description: "The prompt's field." },
  { name: "buttons", description: "The row of buttons." },
  { name: "button", description: "Each button." },
  { name: "choose-button", description: "Chooses a picture." },
  { name: "run-button", description: "Begins a run." },
  { name: "step-button", description: "Begins a run with one update more." },
  { name: "cancel-button", description: "Calls a run off." },
  { name: "reset-button", description: "Goes back to the answer without adaptation." },
  { name: "way-out-button", description: "The way out of a problem." },
  { name: "device", description: "What the model runs on." },
  { name: "status", description: "What goes on, and how far it is." },
  { name: "progress", description: "The bar that shows how far it is." },
  { name: "problem", description: "What went wrong." },
  { name: "answer", description: "The answer as a sentence." },
  { name: "bars", description: "The probabilities before and after." },
  { name: "settings", description: "The settings, folded in." },
  { name: "controls", description: "The settings themselves." },
  { name: "plot-section", description: "The plot with its title." },
  { name: "plot", description: "The entropies over the updates." },
  { name: "views-section", description: "The views with their title." },
  { name: "views", description: "The views." },
  { name: "warnings", description: "What went differently from what was asked." },
];

const COLOUR_WORDS: Readonly<Record<keyof typeof COLOURS, string>> = {
  paper: "Background.",
  surface: "Background of what lies on it: the empty place for a picture, buttons under the pointer.",
  ink: "Text.",
  "ink-soft": "Notes.",
  line: "Fine lines, and the frame.",
  edge: "Edges of fields and buttons.",
  track: "The bars' empty part.",
  before: "Bars before the adaptation.",
  "before-top": "The longest bar before the adaptation.",
  accent: "The longest bar afterwards, the button Run, links.",
  "accent-soft": "Bars after the adaptation.",
  "accent-wash": "The place that a picture is dragged over.",
  danger: "Problems.",
  "danger-wash": "Background of problems.",
  focus: "The ring around what has the focus.",
  "series-prediction": "The plot's curve of the prediction.",
  "series-mean": "The plot's curve of the views' mean.",
  "series-marginal": "The plot's curve of the mean prediction.",
  "series-loss": "The plot's curve of the loss.",
};

export const CUSTOM_PROPERTIES: readonly CustomPropertyEntry[] = [
  ...Object.entries(COLOURS).map(([name, [light, dark]]) => ({
    name: `--clip-ttl-${name}`,
    default: `light-dark(${light}, ${dark})`,
    description: COLOUR_WORDS[name as keyof typeof COLOURS],
  })),
  { name: "--clip-ttl-on-accent", default: "light-dark(#fff, #0b1c22)", description: "Text on the accent colour." },
  { name: "--clip-ttl-font-family", default: "inherit", description: "Font of the texts." },
  { name: "--clip-ttl-font-size", default: "that of the page's text, from 13 to 24 pixels", description: "Size of the text; everything else grows with it, and em and % count from the page's text." },
  { name: "--clip-ttl-padding", default: "1.25em of the text's size", description: "Room between the frame and what is in it." },
  { name: "--clip-ttl-border", default: "1px solid var(--clip-ttl-line)", description: "The frame." },
  { name: "--clip-ttl-radius", default: "6px", description: "Roundness of corners." },
  { name: "--clip-ttl-thumb", default: "54px", description: "Least width of a view." },
];

/** Everything together, as the documentation takes it. */
export const ELEMENT_API = {
  tagName: "clip-ttl",
  attributes: ATTRIBUTES,
  properties: OWN_PROPERTIES,
  methods: METHODS,
  events: EVENTS,
  slots: SLOTS,
  parts: PARTS,
  customProperties: CUSTOM_PROPERTIES,
} as const;
