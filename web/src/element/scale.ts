/** Linear scales and round ticks for the plot's axes. */

export interface Scale {
  readonly domainEnd: number;
  readonly ticks: readonly number[];
  /** Pixel position of a value. */
  position(value: number): number;
}

const ROUND_STEPS = [1, 2, 2.5, 5, 10];

/** The least round step (1, 2, 2.5 or 5 times a power of ten) that cuts `0..end` into at most `most` parts. */
export function roundStep(end: number, most: number): number {
  const raw = end / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = ROUND_STEPS.find((step) => step * power >= raw * (1 - 1e-9)) ?? 10;
  return factor * power;
}

function ticksTo(end: number, step: number): number[] {
  const count = Math.floor(end / step + 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** A scale from 0 to `end` for entropies: the end is kept, the ticks are round. */
export function valueScale(end: number, from: number, to: number): Scale {
  return {
    domainEnd: end,
    ticks: ticksTo(end, roundStep(end, 5)),
    position: (value) => from + ((to - from) * value) / end,
  };
}

/** A scale over whole numbers of updates, 0 to `last`. */
export function updateScale(last: number, from: number, to: number): Scale {
  const end = Math.max(1, last);
  return {
    domainEnd: end,
    ticks: ticksTo(end, Math.max(1, Math.ceil(roundStep(end, 10)))),
    position: (update) => from + ((to - from) * update) / end,
  };
}

/**
 * Upper end of the entropy axis. The entropy of `labels` labels is at most ln(labels), which makes a scale that stays put from
 * picture to picture; only where everything is far below it, or above it (a loss can be), does the axis follow the values.
 */
export function entropyAxisEnd(largest: number, labels: number): number {
  const most = labels > 1 ? Math.log(labels) : 1;
  if (largest > most) return largest * 1.05;
  if (largest > 0 && largest < most * 0.35) return largest * 1.4;
  return most;
}
