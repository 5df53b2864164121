/** Style sheet of the entropy plot and its legend. */

export const entropyPlotCss = `
.ct-plot { container-type: inline-size; }
.ct-plot-figure { display: grid; grid-template-columns: minmax(0, 1fr) 19rem; gap: 1rem 2rem; align-items: start; }
.ct-plot-stage { min-block-size: 300px; border-radius: 2px; cursor: crosshair; touch-action: pan-y; }
.ct-plot-graphic { display: block; max-inline-size: 100%; direction: ltr; }
.ct-plot-axes text { fill: var(--clip-ink-soft); font-size: 12.5px; font-variant-numeric: tabular-nums; }
.ct-plot-axes .ct-plot-name { font-size: 12.5px; }
.ct-plot-grid { stroke: var(--clip-line); stroke-opacity: 0.7; }
.ct-plot-base { stroke: var(--clip-edge); }
.ct-plot-limit { stroke: var(--clip-edge); stroke-dasharray: 2 4; }
.ct-plot-guide { stroke: var(--clip-line); stroke-width: 10; stroke-linecap: round; opacity: 0.55; }
.ct-plot-curve { --series: var(--clip-series-prediction); }
.ct-plot-mean { --series: var(--clip-series-mean); }
.ct-plot-marginal { --series: var(--clip-series-marginal); }
.ct-plot-loss { --series: var(--clip-series-loss); }
.ct-plot-curve path { fill: none; stroke: var(--series); stroke-width: 1.75; stroke-linecap: round; }
.ct-plot-prediction path { stroke-width: 2.75; }
.ct-plot-loss path:not(.ct-plot-mark) { stroke-dasharray: 4 4; }
.ct-plot-curve .ct-plot-mark { fill: var(--series); stroke: var(--clip-paper); stroke-width: 1.5; stroke-dasharray: none; }
.ct-plot-legend { padding-block-start: 0.25rem; }
.ct-plot-heading { margin: 0 0 0.5rem; font-size: 0.875rem; font-weight: 500; }
.ct-plot-entries { display: grid; border-block-start: 1px solid var(--clip-line); }
.ct-plot-entry {
  display: grid;
  grid-template-columns: 28px 1fr auto;
  gap: 0 0.75rem;
  align-items: baseline;
  padding: 0.5rem 0.25rem;
  border: 0;
  border-block-end: 1px solid var(--clip-line);
  background: none;
  color: inherit;
  font: inherit;
  text-align: start;
  cursor: pointer;
}
.ct-plot-entry:hover { background: var(--clip-surface); }
.ct-plot-sample { align-self: start; margin-block-start: 0.2rem; }
.ct-plot-words { display: grid; line-height: 1.35; }
.ct-plot-title { font-size: 0.9375rem; font-weight: 500; }
.ct-plot-explanation { font-size: 0.8125rem; }
.ct-plot-value { min-inline-size: 3.2em; font-size: 0.9375rem; text-align: end; }
.ct-plot-entry[aria-pressed="false"] .ct-plot-sample { visibility: hidden; }
.ct-plot-entry[aria-pressed="false"] .ct-plot-title { text-decoration: line-through; font-weight: 400; color: var(--clip-ink-soft); }
.ct-plot-details { margin-block-start: 0.75rem; font-size: 0.875rem; }
.ct-plot-details summary { inline-size: fit-content; padding-block: 0.25rem; color: var(--clip-accent); cursor: pointer; }
.ct-plot-details table { margin-block-start: 0.5rem; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.ct-plot-details th, .ct-plot-details td { padding: 0.3rem 1.5rem 0.3rem 0; border-block-end: 1px solid var(--clip-line); text-align: end; font-weight: 400; }
.ct-plot-details thead th { color: var(--clip-ink-soft); vertical-align: bottom; }
@media (prefers-reduced-motion: no-preference) {
  .ct-plot-new { animation: ct-plot-appear 350ms ease-out; }
  @keyframes ct-plot-appear { from { opacity: 0; } }
}
@media (forced-colors: active) {
  .ct-plot-curve { --series: CanvasText; }
  .ct-plot-axes text { fill: CanvasText; }
  .ct-plot-grid { stroke: CanvasText; stroke-opacity: 0.35; }
}
@container (inline-size < 44rem) {
  .ct-plot-figure { grid-template-columns: minmax(0, 1fr); }
  .ct-plot-details th, .ct-plot-details td { padding-inline-end: 0.75rem; }
}
`;
