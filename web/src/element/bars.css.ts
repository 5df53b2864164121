/** Style sheet of the before and after bars. */

export const barsCss = `
/* Browsers print no backgrounds by themselves, and the bars are some. */
.ct-bars { container-type: inline-size; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.ct-bars table { inline-size: 100%; border-collapse: collapse; table-layout: fixed; }
.ct-bars thead th {
  padding: 0 0 0.5rem;
  border-block-end: 1px solid var(--clip-line);
  color: var(--clip-ink-soft);
  font-size: 0.8125rem;
  font-weight: 500;
  text-align: start;
  white-space: nowrap;
}
.ct-bars-scale { margin-inline-start: 0.5em; unicode-bidi: isolate; font-weight: 400; text-decoration: none; opacity: 0.9; }
.ct-bars thead .ct-bars-label { inline-size: 24%; }
.ct-bars thead .ct-bars-change { inline-size: 5.75rem; text-align: end; }
.ct-bars tbody th, .ct-bars tbody td { block-size: 2rem; padding: 0; font-weight: 400; text-align: start; vertical-align: middle; }
.ct-bars tbody tr:first-child > * { block-size: 2.5rem; padding-block-start: 0.4rem; }
.ct-bars tbody .ct-bars-label { padding-inline-end: 1rem; }
.ct-bars tbody .ct-bars-label span {
  display: -webkit-box;
  overflow: hidden;
  -webkit-box-orient: vertical;
  -webkit-line-clamp: 1;
  line-clamp: 1;
  overflow-wrap: anywhere;
  line-height: 1.3;
  text-align: match-parent;
}
.ct-bars-bar { display: flex; align-items: center; gap: 0.5rem; padding-inline-end: 0.75rem; }
.ct-bars-track { flex: 1; min-inline-size: 2rem; block-size: 0.875rem; border-radius: 2px; background: var(--clip-track); }
.ct-bars-fill { display: block; block-size: 100%; min-inline-size: 1px; border-radius: 2px; background: var(--clip-before); }
.ct-bars-after .ct-bars-fill { background: var(--clip-accent-soft); }
.ct-bars-first.ct-bars-before .ct-bars-fill { background: var(--clip-before-top); }
.ct-bars-first.ct-bars-after .ct-bars-fill { background: var(--clip-accent); }
.ct-bars-unknown .ct-bars-fill { visibility: hidden; }
.ct-bars-value { flex: none; inline-size: 3.4em; font-size: 0.875rem; text-align: end; }
.ct-bars-first .ct-bars-value, .ct-bars-top .ct-bars-label { font-weight: 650; }
.ct-bars tbody .ct-bars-change { color: var(--clip-ink-soft); font-size: 0.875rem; text-align: end; white-space: nowrap; }
.ct-bars-rank { margin-inline-end: 0.6em; font-size: 0.8125rem; }
.ct-bars-unit { display: none; }
.ct-bars-up { color: var(--clip-accent); font-weight: 600; }
.ct-bars-more { margin-block-start: 0.5rem; }
@media (prefers-reduced-motion: no-preference) {
  .ct-bars-fill { transition: inline-size 420ms cubic-bezier(0.2, 0, 0, 1), background-color 200ms; }
}
@media (forced-colors: active) {
  .ct-bars-track { border: 1px solid CanvasText; }
  .ct-bars .ct-bars-bar .ct-bars-fill { background: CanvasText; forced-color-adjust: none; }
  .ct-bars .ct-bars-after .ct-bars-fill { background: Highlight; }
}
@container (inline-size < 31rem) {
  .ct-bars table, .ct-bars thead, .ct-bars tbody { display: block; }
  .ct-bars tr { display: grid; grid-template-columns: 1fr 1fr; column-gap: 1rem; }
  .ct-bars thead tr { border-block-end: 1px solid var(--clip-line); }
  .ct-bars thead th { padding-block-end: 0.3rem; border: 0; }
  .ct-bars thead .ct-bars-label, .ct-bars thead .ct-bars-change {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
  }
  .ct-bars tbody tr { padding-block: 0.4rem; border-block-end: 1px solid var(--clip-line); }
  .ct-bars tbody th, .ct-bars tbody td,
  .ct-bars tbody tr:first-child > * { block-size: auto; padding-block-start: 0; }
  .ct-bars tbody .ct-bars-label { grid-column: 1; }
  .ct-bars tbody .ct-bars-label span { -webkit-line-clamp: 2; line-clamp: 2; }
  .ct-bars tbody .ct-bars-change { grid-column: 2; grid-row: 1; min-block-size: 1.25em; }
  .ct-bars-unit:not([hidden]) { display: inline; }
  .ct-bars-bar { gap: 0.4rem; padding-inline-end: 0; }
  .ct-bars-value { inline-size: 3.5em; }
}
`;
