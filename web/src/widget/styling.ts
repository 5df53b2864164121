/** How style sheets and the page's size of text come into an element. */

import { barsCss } from "../element/bars.css.js";
import { controlsCss } from "../element/controls.css.js";
import { entropyPlotCss } from "../element/entropy-plot.css.js";
import { adoptSheets, sharedCss } from "../element/theme.js";
import { viewsCss } from "../element/views.css.js";
import { scaledCss } from "./scaled-css.js";
import { widgetCss } from "./widget.css.js";

/** The element's own rules come last: they place its views. */
const SHEETS = [sharedCss, barsCss, entropyPlotCss, viewsCss, controlsCss, widgetCss].map(scaledCss);

/** Smaller or larger text than this would break the layout; a page that sets it means something else. */
const SMALLEST_PX = 13;
const LARGEST_PX = 24;

/** Brings the style sheets into a shadow root: constructed ones, which a strict Content-Security-Policy allows. */
export function adoptWidgetStyles(root: ShadowRoot): void {
  adoptSheets(root, SHEETS);
}

/** Lets the element's text be as large as the text around it. */
export function fitToPage(host: Element, base: HTMLElement): void {
  const window = host.ownerDocument.defaultView;
  if (window === null) return;
  const style = window.getComputedStyle(host);
  const wanted = style.getPropertyValue("--clip-ttl-font-size").trim();
  if (wanted !== "") {
    base.style.setProperty("--clip-rem", inPixels(wanted, base, window));
    return;
  }
  const size = Number.parseFloat(style.fontSize);
  if (Number.isFinite(size)) base.style.setProperty("--clip-rem", `${Math.min(LARGEST_PX, Math.max(SMALLEST_PX, size))}px`);
}

/** A size of text in pixels, counted from the text around the element. Left as it is, `em` or `%` would grow anew with every part within a part. */
function inPixels(size: string, base: HTMLElement, window: Window): string {
  const probe = base.ownerDocument.createElement("span");
  probe.style.fontSize = size;
  base.before(probe);
  const { fontSize } = window.getComputedStyle(probe);
  probe.remove();
  return fontSize;
}
