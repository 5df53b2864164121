/** Style sheet of the element around its views. Lengths in `rem` count in the element's own unit (scaled-css.ts). */

import { COLOURS } from "../element/theme.js";

const light = Object.entries(COLOURS).map(([name, [colour]]) => `--clip-${name}: var(--clip-ttl-${name}, ${colour});`);
const either = Object.entries(COLOURS).map(([name, [bright, dark]]) => `--clip-${name}: var(--clip-ttl-${name}, light-dark(${bright}, ${dark}));`);

export const widgetCss = `
:host {
  display: block !important;
  contain: layout style;
  contain-intrinsic-inline-size: 40rem;
}
:host([hidden]) { display: none !important; }
/* Nothing of the page's text styles comes in but its font and its direction. */
.w-base {
  all: initial;
  --clip-rem: 16px;
  ${light.join("\n  ")}
  --clip-on-accent: var(--clip-ttl-on-accent, #fff);
  --clip-radius: var(--clip-ttl-radius, 6px);
  --clip-thumb: var(--clip-ttl-thumb, 54px);
  container-type: inline-size;
  contain-intrinsic-inline-size: 40rem;
  display: block;
  box-sizing: border-box;
  padding: var(--clip-ttl-padding, 1.25rem);
  border: var(--clip-ttl-border, 1px solid var(--clip-line));
  border-radius: calc(var(--clip-radius) + 4px);
  background: var(--clip-paper);
  color: var(--clip-ink);
  color-scheme: inherit;
  direction: inherit;
  font-family: var(--clip-ttl-font-family, inherit);
  font-size: 1rem;
  line-height: 1.5;
  text-align: start;
}
@supports (color: light-dark(#fff, #000)) {
  .w-base {
    ${either.join("\n    ")}
    --clip-on-accent: var(--clip-ttl-on-accent, light-dark(#fff, #0b1c22));
  }
}
.w-base *, .w-base *::before, .w-base *::after { box-sizing: border-box; }
.w-base [hidden] { display: none !important; }
.w-base p, .w-base ul { margin: 0; }
/* English in a page that is written from right to left keeps its full stops where they belong, and the page's side. */
.w-base p, .w-base summary { text-wrap: pretty; unicode-bidi: plaintext; text-align: match-parent; }
.w-drop-front p { text-align: center; }
.w-head, .w-foot { color: var(--clip-ink); }
.w-head ::slotted(*) { margin-block: 0 0.75rem !important; }
.w-foot ::slotted(*) { margin-block: 1rem 0 !important; }

.w-main { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 1.25rem 2rem; align-items: start; }
.w-asks-nothing .w-main { grid-template-columns: minmax(0, 1fr); }
.w-asks-nothing .w-asked { display: none; }
.w-column { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.9rem; }

/* The picture */
.w-drop {
  container-type: size;
  position: relative;
  display: grid;
  place-items: center;
  aspect-ratio: 4 / 3;
  inline-size: 100%;
  border-radius: var(--clip-radius);
  background: var(--clip-surface);
  overflow: hidden;
}
.w-drop-empty { border: 1px dashed var(--clip-edge); cursor: pointer; }
.w-drop > * { grid-area: 1 / 1; }
.w-drop-slot { display: grid; place-items: center; inline-size: 100%; block-size: 100%; overflow: hidden; }
.w-drop-slot ::slotted(*) { max-inline-size: 100% !important; max-block-size: 100cqb !important; margin: 0 !important; }
.w-drop:not(.w-drop-empty) .w-drop-slot { visibility: hidden; }
.w-drop .ct-overlay { place-items: center; }
.w-drop .ct-overlay-empty { display: none; }
.w-drop .ct-overlay-frame, .w-drop .ct-overlay canvas:first-child {
  inline-size: min(100cqi, 100cqb * var(--clip-picture-ratio, 1));
  block-size: auto;
  aspect-ratio: var(--clip-picture-ratio, 1);
  max-inline-size: none;
  max-block-size: none;
  border-radius: 0;
}
.w-drop .ct-overlay canvas, .w-drop .ct-overlay-boxes { border-radius: 0; }
.w-drop:not(.w-drop-views) .ct-overlay-veil, .w-drop:not(.w-drop-views) .ct-overlay-boxes { visibility: hidden; }
.w-drop-front { display: grid; gap: 0.6rem; justify-items: center; padding: 1rem; text-align: center; z-index: 1; }
.w-drop-hint { color: var(--clip-ink-soft); }
.w-drop:not(.w-drop-empty) .w-drop-hint { display: none; }
.w-drop:not(.w-drop-empty) .w-drop-front { place-self: end; padding: 0.5rem; }
.w-drop:not(.w-drop-empty) .w-choose {
  min-block-size: 1.75rem;
  padding: 0.15rem 0.6rem;
  border: 1px solid rgb(255 255 255 / 0.55);
  background: rgb(0 0 0 / 0.7);
  color: #fff;
  font-size: 0.8125rem;
}
.w-drop-over { outline: 3px solid var(--clip-accent); outline-offset: -3px; background: var(--clip-accent-wash); }
.w-drop-busy .ct-overlay, .w-drop-busy .w-drop-slot { opacity: 0.5; }
.w-caption { min-block-size: 1.5em; margin-block-start: 0.4rem !important; font-size: 0.8125rem; overflow-wrap: anywhere; }

/* Fields and buttons */
.w-question { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.75rem; }
.w-labels, .w-template { display: grid; gap: 0.35rem; }
.w-field-head { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0 1rem; }
.w-label, .w-title { font-size: 0.9375rem; font-weight: 620; }
.w-note { font-size: 0.8125rem; }
.w-field {
  display: block;
  inline-size: 100%;
  min-block-size: 2.25rem;
  margin: 0;
  padding: 0.4rem 0.65rem;
  border: 1px solid var(--clip-edge);
  border-radius: var(--clip-radius);
  background: var(--clip-paper);
  color: var(--clip-ink);
  font: inherit;
  font-size: 0.9375rem;
  line-height: 1.45;
  resize: vertical;
}
.w-field[aria-invalid] { border-color: var(--clip-danger); box-shadow: inset 0 0 0 1px var(--clip-danger); }
.w-problem { color: var(--clip-danger); font-size: 0.875rem; }
.w-bar, .w-buttons { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem; }
/* A graphics device's name may be long; that it becomes known must move nothing. */
.w-base .w-device {
  flex: 1 1 9rem;
  min-inline-size: 0;
  overflow: hidden;
  font-size: 0.8125rem;
  text-align: end;
  text-overflow: ellipsis;
  white-space: nowrap;
  unicode-bidi: normal;
}
.w-button {
  display: inline-flex;
  align-items: center;
  justify-content: center;
  min-block-size: 2.25rem;
  margin: 0;
  padding: 0.3rem 0.9rem;
  border: 1px solid var(--clip-edge);
  border-radius: var(--clip-radius);
  background: var(--clip-paper);
  color: var(--clip-ink);
  font: inherit;
  font-size: 0.9375rem;
  cursor: pointer;
}
.w-button:hover { background: var(--clip-surface); }
.w-run { min-inline-size: 5.5rem; border-color: var(--clip-accent); background: var(--clip-accent); color: var(--clip-on-accent); font-weight: 620; }
.w-run:hover { background: var(--clip-accent); filter: brightness(1.08); }
.w-button[aria-disabled="true"] { border-color: var(--clip-line); background: none; color: var(--clip-ink-soft); filter: none; cursor: default; opacity: 0.7; }
.w-run[aria-disabled="true"] { background: var(--clip-surface); }
.w-base :focus-visible { outline: 3px solid var(--clip-focus); outline-offset: 2px; }

/* How far it is */
.w-progress {
  display: block;
  inline-size: 100%;
  block-size: 3px;
  border: 0;
  border-radius: 2px;
  background: var(--clip-line);
  appearance: none;
  overflow: hidden;
}
.w-progress::-webkit-progress-bar { background: var(--clip-line); }
.w-progress::-webkit-progress-value { background: var(--clip-accent); }
.w-progress::-moz-progress-bar { background: var(--clip-accent); }
.w-progress:indeterminate { background: linear-gradient(90deg, transparent, var(--clip-accent), transparent) 0 0 / 40% 100% no-repeat, var(--clip-line); }
.w-progress:indeterminate::-webkit-progress-bar { background: none; }
.w-progress:indeterminate::-moz-progress-bar { background: none; }
.w-progress-idle { opacity: 0.6; }
.w-status-words { min-block-size: 1.5em; margin-block-start: 0.3rem !important; font-size: 0.8125rem; }
.w-problem-box {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  justify-content: space-between;
  gap: 0.6rem 1rem;
  padding: 0.65rem 0.9rem;
  border-inline-start: 3px solid var(--clip-danger);
  background: var(--clip-danger-wash);
  font-size: 0.9375rem;
  overflow-wrap: anywhere;
}
.w-status:has(.w-problem-box:not([hidden])) .w-status-words { display: none; }
.w-progress + .w-status-words + .w-problem-box { margin-block-start: 0.5rem; }
.w-problem-box p { flex: 1 1 14rem; }

/* The answer */
.w-answer { min-block-size: 2.6em; font-size: 1.0625rem; line-height: 1.3; overflow-wrap: anywhere; }
.w-answer strong { font-weight: 680; unicode-bidi: isolate; }
.w-warnings { padding-inline-start: 1.1rem; margin-block-start: 0.75rem !important; font-size: 0.8125rem; overflow-wrap: anywhere; }
.w-settings { margin-block-start: 1.25rem; padding-block: 0.65rem; border-block: 1px solid var(--clip-line); }
.w-settings summary { inline-size: fit-content; cursor: pointer; }
.w-settings[open] summary { margin-block-end: 1rem; }
.w-section { margin-block-start: 1.5rem; }
.w-section .w-title { margin-block-end: 0.6rem; }

/* Small: the picture, the answer, the bars */
.w-compact .w-main { grid-template-columns: minmax(0, 1fr) minmax(0, 2fr); gap: 1rem 1.25rem; }
.w-compact .w-column { gap: 0.6rem; }
.w-compact .w-step, .w-compact .w-reset { display: none; }
.w-compact .w-answer { font-size: 0.9375rem; }
/* A caption of the author's stays: it may be a credit that a licence asks for. */
.w-compact .w-caption { min-block-size: 0; margin-block-start: 0 !important; }
.w-compact .w-picture-note { display: none; }
.w-compact .ct-bars tbody th, .w-compact .ct-bars tbody td { block-size: 1.6rem; }

@container (inline-size < 40rem) {
  .w-main, .w-compact .w-main { grid-template-columns: minmax(0, 1fr); }
}
@container (inline-size < 24rem) {
  .w-buttons { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); inline-size: 100%; }
  .w-base .w-device { flex-basis: 100%; text-align: start; }
  .w-status-words { min-block-size: 3em; }
  .w-answer { min-block-size: 3.9em; }
}
@media (prefers-reduced-motion: no-preference) {
  .w-progress:indeterminate { animation: w-slide 1.4s linear infinite; }
  @keyframes w-slide { from { background-position: -70% 0, 0 0; } to { background-position: 170% 0, 0 0; } }
}
@media (forced-colors: active) {
  .w-button[aria-disabled="true"] { color: GrayText; opacity: 1; }
  .w-run:not([aria-disabled="true"]) { border-color: ButtonText; }
  .w-progress { border: 1px solid CanvasText; block-size: 6px; }
  .w-progress::-webkit-progress-value { background: Highlight; forced-color-adjust: none; }
  .w-progress::-moz-progress-bar { background: Highlight; forced-color-adjust: none; }
}
`;
