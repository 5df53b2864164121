/**
 * The element `<clip-ttl>`, which importing this defines, and the views that it is made of: usable alone, in any page. Their styles come
 * with `adoptViewStyles`. On a server this can be imported, and does nothing.
 */

import { defineClipTtl } from "../widget/define.js";
import { barsCss } from "./bars.css.js";
import { controlsCss } from "./controls.css.js";
import { entropyPlotCss } from "./entropy-plot.css.js";
import { adoptStyles } from "./theme.js";
import { viewsCss } from "./views.css.js";

export { setAssetBase, setWorkerUrl } from "../assets.js";
export { Bars, type BarsData } from "./bars.js";
export { Controls } from "./controls.js";
export { CropOverlay, type CropOverlayData } from "./crop-overlay.js";
export { EntropyPlot, type EntropyPlotData } from "./entropy-plot.js";
export { entropyOf, entropySeries, type EntropySeries, type EpisodeMeasures } from "./entropy-series.js";
export { formatBytes, formatCount, formatDuration, formatNats, formatPercent, formatPoints } from "./format.js";
export { emptyFrames, knownViews, type EpisodeViews } from "./known-views.js";
export {
  changedOptions,
  defaultValues,
  isAllowed,
  NUMBER_OPTIONS,
  optionOfEngineName,
  toAdaptOptions,
  type NumberOption,
  type NumberOptionName,
  type OptionName,
  type OptionValues,
} from "./options.js";
export { english, type Strings } from "./strings.js";
export { drawCrop, drawPicture, type PictureSource, type ViewData } from "./view-data.js";
export { ViewStrip, type StripView, type ViewStripData } from "./view-strip.js";
export { ELEMENT_API } from "../widget/api.js";
export type { HideablePart, LoadingChoice } from "../widget/attributes.js";
export { ClipTtlElement } from "../widget/clip-ttl-element.js";
export type { ClipTtlEventDetails, ClipTtlEventMap, ClipTtlFailure, ClipTtlProgress, ClipTtlResult, ClipTtlStep } from "../widget/events.js";
export { registerStrings, type PartialStrings } from "../widget/language.js";
export { LABEL_PRESETS, type LabelPreset } from "../widget/presets.js";
export type { ElementStrings } from "../widget/strings.js";

/** Brings the views' style sheets into a document or a shadow root. Call it once before showing a view. */
export function adoptViewStyles(root: Document | ShadowRoot): void {
  adoptStyles(root, [barsCss, entropyPlotCss, viewsCss, controlsCss]);
}

defineClipTtl();
