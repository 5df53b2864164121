/**
 * The views' palette as CSS custom properties, and the way style sheets get into a document or a shadow root.
 * A page changes the look by setting the same properties on `:root` or on an element around the views: ours have no specificity.
 */

/** Colours in light and in dark surroundings. */
export const COLOURS = {
  paper: ["#fcfcfa", "#16181a"],
  surface: ["#f3f3ef", "#1e2124"],
  ink: ["#1b1d1f", "#e8e9e7"],
  "ink-soft": ["#565c63", "#a6acb1"],
  line: ["#dddcd5", "#34383c"],
  edge: ["#85898d", "#7c8388"],
  track: ["#eeede8", "#26292d"],
  before: ["#a3a8ad", "#6c7379"],
  "before-top": ["#6b7177", "#a6acb1"],
  accent: ["#0a6a8a", "#62bcd8"],
  "accent-soft": ["#8fbccb", "#33687a"],
  "accent-wash": ["#e4eff2", "#1c2e35"],
  danger: ["#a8321f", "#f08c78"],
  "danger-wash": ["#fbebe7", "#382220"],
  focus: ["#1458c8", "#8ab8ff"],
  "series-prediction": ["#0a6a8a", "#62bcd8"],
  "series-mean": ["#a8500b", "#eda05c"],
  "series-marginal": ["#6b4a9e", "#b89ce6"],
  "series-loss": ["#5d636a", "#a6acb1"],
} as const satisfies Record<string, readonly [light: string, dark: string]>;

const properties = (shade: 0 | 1): string => Object.entries(COLOURS).map(([name, colour]) => `--clip-${name}: ${colour[shade]};`).join("\n");

const palette = `
:where(:root, :host) {
  ${properties(0)}
  --clip-radius: 6px;
  --clip-thumb: 54px;
}
@media (prefers-color-scheme: dark) {
  :where(:root, :host) { ${properties(1)} }
}
`;

/** What all views have in common. */
export const sharedCss = `
.ct-hidden {
  position: absolute;
  width: 1px;
  height: 1px;
  margin: -1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
.ct-number { font-variant-numeric: tabular-nums; }
.ct-soft { color: var(--clip-ink-soft); }
.ct-link {
  padding: 0.25rem 0;
  border: 0;
  background: none;
  color: var(--clip-accent);
  font: inherit;
  text-decoration: underline;
  text-decoration-thickness: 1px;
  text-underline-offset: 0.2em;
  cursor: pointer;
}
.ct-link:hover { text-decoration-thickness: 2px; }
:where(.ct-bars, .ct-plot, .ct-views, .ct-overlay, .ct-controls) :focus-visible {
  outline: 3px solid var(--clip-focus);
  outline-offset: 2px;
  border-radius: 2px;
}
`;

/** A document takes only sheets that it made itself, and each of them is made once. */
const sheets = new WeakMap<Document, Map<string, CSSStyleSheet>>();

function sheetOf(document: Document, css: string): CSSStyleSheet | null {
  const known = sheets.get(document) ?? new Map<string, CSSStyleSheet>();
  sheets.set(document, known);
  const window = document.defaultView as (Window & typeof globalThis) | null;
  let sheet = known.get(css);
  if (sheet === undefined && window !== null) {
    sheet = new window.CSSStyleSheet();
    sheet.replaceSync(css);
    known.set(css, sheet);
  }
  return sheet ?? null;
}

/** Adds style sheets to a document or a shadow root; twice is as good as once. Documents that nobody sees have none. */
export function adoptSheets(root: Document | ShadowRoot, css: readonly string[]): void {
  const document = root.ownerDocument ?? (root as Document);
  const wanted = css.map((text) => sheetOf(document, text)).filter((sheet) => sheet !== null);
  const missing = wanted.filter((sheet) => !root.adoptedStyleSheets.includes(sheet));
  if (missing.length > 0) root.adoptedStyleSheets = [...root.adoptedStyleSheets, ...missing];
}

/** Adds the palette and the given views' style sheets to a document or a shadow root; twice is as good as once. */
export function adoptStyles(root: Document | ShadowRoot, css: readonly string[]): void {
  adoptSheets(root, [palette, sharedCss, ...css]);
}
