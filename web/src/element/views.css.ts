/** Style sheet of the view strip and of the crop overlay. */

export const viewsCss = `
/* The weights are backgrounds, which browsers don't print by themselves. */
.ct-views { container-type: inline-size; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.ct-views-head { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; align-items: baseline; justify-content: space-between; }
.ct-views-detail { flex: 1 1 22rem; min-block-size: 1.5em; margin: 0; font-size: 0.875rem; }
.ct-views-order { font-size: 0.8125rem; }
.ct-views-order select { padding: 0.15rem 0.25rem; border: 1px solid var(--clip-edge); border-radius: 4px; background: var(--clip-paper); color: var(--clip-ink); font: inherit; }
.ct-views-list {
  display: grid;
  grid-template-columns: repeat(auto-fill, minmax(var(--clip-thumb), 1fr));
  gap: 0.5rem;
  max-block-size: 38rem;
  margin: 0.5rem -6px 0;
  padding: 6px;
  overflow: hidden auto;
}
.ct-views-tile { display: grid; gap: 3px; border-radius: 3px; cursor: pointer; }
.ct-views-tile canvas {
  box-sizing: border-box;
  inline-size: 100%;
  aspect-ratio: 1;
  border: 1px dashed var(--clip-line);
  border-radius: 3px;
  background: none;
}
.ct-views-encoded canvas { border-style: solid; border-color: var(--clip-accent-soft); background: var(--clip-accent-wash); }
.ct-views-drawn canvas { border: 0; background: none; }
.ct-views-weight { block-size: 3px; border-radius: 2px; background: var(--clip-track); }
.ct-views-fill { display: block; block-size: 100%; border-radius: 2px; background: var(--clip-accent); }
.ct-views-entropy { color: var(--clip-ink-soft); font-size: 0.75rem; line-height: 1.2; text-align: center; }
.ct-views-centre canvas { outline: 2px solid var(--clip-accent); outline-offset: -2px; }
.ct-views-current canvas { opacity: 1 !important; outline: 3px solid var(--clip-ink); outline-offset: 0; }
.ct-views-current .ct-views-entropy { color: var(--clip-ink); }
.ct-overlay { display: grid; place-items: start; }
.ct-overlay-frame { position: relative; inline-size: fit-content; max-inline-size: 100%; line-height: 0; }
.ct-overlay canvas { border-radius: 3px; }
.ct-overlay canvas:first-child { max-inline-size: 100%; max-block-size: 24rem; }
.ct-overlay-boxes { position: absolute; inset: 0; inline-size: 100%; block-size: 100%; border-radius: 3px; }
.ct-overlay-empty .ct-overlay-frame { inline-size: 100%; aspect-ratio: 4 / 3; border: 1px dashed var(--clip-line); border-radius: 3px; }
.ct-overlay-empty .ct-overlay-frame > * { visibility: hidden; }
.ct-overlay-veil { position: absolute; inset: 0; inline-size: 100%; block-size: 100%; }
.ct-overlay-unveiled { visibility: hidden; }
.ct-overlay-box { fill: none; stroke: #fff; stroke-width: 1; vector-effect: non-scaling-stroke; }
.ct-overlay-shade { fill: #000; fill-opacity: 0.62; }
.ct-overlay-halo { fill: none; stroke: #000; stroke-width: 5; stroke-opacity: 0.55; vector-effect: non-scaling-stroke; }
.ct-overlay-chosen { fill: none; stroke: #fff; stroke-width: 2.5; vector-effect: non-scaling-stroke; }
@media (forced-colors: active) {
  .ct-views-weight { border: 1px solid CanvasText; }
  .ct-views-fill { background: Highlight; forced-color-adjust: none; }
}
@container (inline-size < 46rem) {
  .ct-views-detail { min-block-size: 3em; }
}
@container (inline-size < 32rem) {
  .ct-views-list {
    grid-template: repeat(3, auto) / none;
    grid-auto-columns: var(--clip-thumb);
    grid-auto-flow: column;
    max-block-size: none;
    overflow: auto hidden;
    scrollbar-width: thin;
  }
}
`;
