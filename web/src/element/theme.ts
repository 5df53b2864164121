/**
 * The views' palette as CSS custom properties, and the way their style sheets get into a document or a shadow root.
 * A page changes the look by setting the same properties on `:root` or on an element around the views: ours have no specificity.
 */

const palette = `
:where(:root, :host) {
  --clip-paper: #fcfcfa;
  --clip-surface: #f3f3ef;
  --clip-ink: #1b1d1f;
  --clip-ink-soft: #565c63;
  --clip-line: #dddcd5;
  --clip-edge: #85898d;
  --clip-track: #eeede8;
  --clip-before: #a3a8ad;
  --clip-before-top: #6b7177;
  --clip-accent: #0a6a8a;
  --clip-accent-soft: #8fbccb;
  --clip-accent-wash: #e4eff2;
  --clip-danger: #a8321f;
  --clip-danger-wash: #fbebe7;
  --clip-focus: #1458c8;
  --clip-series-prediction: #0a6a8a;
  --clip-series-mean: #a8500b;
  --clip-series-marginal: #6b4a9e;
  --clip-series-loss: #5d636a;
  --clip-radius: 6px;
  --clip-thumb: 54px;
}
@media (prefers-color-scheme: dark) {
  :where(:root, :host) {
    --clip-paper: #16181a;
    --clip-surface: #1e2124;
    --clip-ink: #e8e9e7;
    --clip-ink-soft: #a6acb1;
    --clip-line: #34383c;
    --clip-edge: #7c8388;
    --clip-track: #26292d;
    --clip-before: #6c7379;
    --clip-before-top: #a6acb1;
    --clip-accent: #62bcd8;
    --clip-accent-soft: #33687a;
    --clip-accent-wash: #1c2e35;
    --clip-danger: #f08c78;
    --clip-danger-wash: #382220;
    --clip-focus: #8ab8ff;
    --clip-series-prediction: #62bcd8;
    --clip-series-mean: #eda05c;
    --clip-series-marginal: #b89ce6;
    --clip-series-loss: #a6acb1;
  }
}
`;

const shared = `
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

const sheets = new Map<string, CSSStyleSheet>();

function sheetOf(css: string): CSSStyleSheet {
  let sheet = sheets.get(css);
  if (sheet === undefined) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    sheets.set(css, sheet);
  }
  return sheet;
}

/** Adds the palette and the given views' style sheets to a document or a shadow root; twice is as good as once. */
export function adoptStyles(root: Document | ShadowRoot, css: readonly string[]): void {
  const wanted = [palette, shared, ...css].map(sheetOf);
  const missing = wanted.filter((sheet) => !root.adoptedStyleSheets.includes(sheet));
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, ...missing];
}
