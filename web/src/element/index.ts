/** The views that show an adaptation: usable alone, in any page. Styles come with `adoptViewStyles`. */

import { barsCss } from "./bars.css.js";
import { controlsCss } from "./controls.css.js";
import { entropyPlotCss } from "./entropy-plot.css.js";
import { adoptStyles } from "./theme.js";
import { viewsCss } from "./views.css.js";

export { Bars, type BarsData } from "./bars.js";
export { Controls } from "./controls.js";
export { CropOverlay, type CropOverlayData } from "./crop-overlay.js";
export { EntropyPlot, type EntropyPlotData } from "./entropy-plot.js";
export { entropySeries, type EntropySeries, type EpisodeMeasures } from "./entropy-series.js";
export { formatBytes, formatCount, formatDuration, formatNats, formatPercent, formatPoints } from "./format.js";
export {
  changedOptions,
  defaultValues,
  optionOfEngineName,
  toAdaptOptions,
  type OptionName,
  type OptionValues,
} from "./options.js";
export { english, type Strings } from "./strings.js";
export type { PictureSource, ViewData } from "./view-data.js";
export { ViewStrip, type StripView, type ViewStripData } from "./view-strip.js";

/** Brings the views' style sheets into a document or a shadow root. Call it once before showing a view. */
export function adoptViewStyles(root: Document | ShadowRoot): void {
  adoptStyles(root, [barsCss, entropyPlotCss, viewsCss, controlsCss]);
}
