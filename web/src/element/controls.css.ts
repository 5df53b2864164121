/** Style sheet of the settings panel. */

export const controlsCss = `
.ct-controls-grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(15.5rem, 1fr)); gap: 1.5rem 2.5rem; }
.ct-control { display: grid; align-content: start; gap: 0.35rem; }
.ct-control-head { display: flex; align-items: baseline; gap: 0.4rem; }
.ct-control-head label { flex: 1; font-size: 0.9375rem; font-weight: 500; }
.ct-control-unit { font-size: 0.8125rem; order: 3; }
.ct-control-head input { inline-size: 5.5rem; text-align: end; }
.ct-control[data-option="seed"] .ct-control-head input { inline-size: 7rem; }
.ct-control input[type="text"], .ct-control select {
  box-sizing: border-box;
  min-block-size: 2rem;
  padding: 0.2rem 0.5rem;
  border: 1px solid var(--clip-edge);
  border-radius: 4px;
  background: var(--clip-paper);
  color: var(--clip-ink);
  font: inherit;
  font-size: 0.9375rem;
}
.ct-control select { inline-size: 100%; }
.ct-control input[type="range"] { inline-size: 100%; block-size: 1.5rem; margin: 0; accent-color: var(--clip-accent); }
.ct-control-seed { justify-self: start; min-block-size: 1.5rem; font-size: 0.875rem; }
.ct-control-explanation { margin: 0; font-size: 0.8125rem; line-height: 1.4; }
.ct-control-changed .ct-control-head label::after { content: " •"; color: var(--clip-accent); }
.ct-control [aria-invalid="true"] { border-color: var(--clip-danger); box-shadow: inset 0 0 0 1px var(--clip-danger); }
.ct-control-error { margin: 0; color: var(--clip-danger); font-size: 0.8125rem; line-height: 1.4; }
.ct-controls > .ct-link { margin-block-start: 1.25rem; font-size: 0.9375rem; }
`;
