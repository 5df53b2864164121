/** How numbers are written, in one place: tabular, a fixed number of digits, a true minus sign. */

const MINUS = "\u2212";

/** `0.4137` as `41.3%`; what would round to zero is written `<0.1%`. */
export function formatPercent(probability: number): string {
  if (!Number.isFinite(probability)) return "–";
  if (probability > 0 && probability < 0.0005) return "<0.1%";
  if (probability < 1 && probability >= 0.9995) return ">99.9%";
  return `${(probability * 100).toFixed(1)}%`;
}

/** A difference of probabilities in percentage points, with its sign: `+36.8`. */
export function formatPoints(difference: number): string {
  const points = Math.abs(difference * 100).toFixed(1);
  if (points === "0.0") return "0.0";
  return `${difference < 0 ? MINUS : "+"}${points}`;
}

/** An entropy or a loss, in nats; `–` where it isn't known. */
export function formatNats(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `${MINUS}${text}` : text;
}

/** A whole number with thin groups: `1,000`. */
export function formatCount(value: number, locale: string): string {
  return value.toLocaleString(locale);
}

/** A duration for people: `850 ms`, `4.2 s`. */
export function formatDuration(durationMs: number): string {
  return durationMs < 1000 ? `${Math.round(durationMs)} ms` : `${(durationMs / 1000).toFixed(1)} s`;
}

/** A download size for people: `5.1 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** A number as a person would type it: at most four significant digits, no trailing zeros. */
export function formatPlain(value: number): string {
  return String(Number(value.toPrecision(4)));
}
