/** The order of labels by probability, and how it changed. */

export interface BarRow {
  /** Place of the label in the list as the user wrote it. */
  readonly label: number;
  readonly before: number | null;
  readonly after: number | null;
  /** Rank from 1, null where the probability isn't known yet. */
  readonly rankBefore: number | null;
  readonly rankAfter: number | null;
}

/** Rank from 1 of each label; of equal probabilities the earlier label ranks first. */
export function ranks(probabilities: readonly number[]): number[] {
  const order = probabilities.map((_, label) => label).sort((a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0) || a - b);
  const rankOf = new Array<number>(order.length).fill(0);
  order.forEach((label, position) => {
    rankOf[label] = position + 1;
  });
  return rankOf;
}

/** One row for each label, sorted by the probability after, else before, else as written. */
export function rankRows(before: readonly number[] | null, after: readonly number[] | null, count: number): BarRow[] {
  const ranksBefore = before === null ? null : ranks(before);
  const ranksAfter = after === null ? null : ranks(after);
  const rows = Array.from({ length: count }, (_, label): BarRow => ({
    label,
    before: before?.[label] ?? null,
    after: after?.[label] ?? null,
    rankBefore: ranksBefore?.[label] ?? null,
    rankAfter: ranksAfter?.[label] ?? null,
  }));
  const place = (row: BarRow): number => row.rankAfter ?? row.rankBefore ?? row.label;
  return rows.sort((a, b) => place(a) - place(b));
}

/** Right end of the bars' common scale: the least of a few round values that holds every probability. */
export function scaleTop(before: readonly number[] | null, after: readonly number[] | null): number {
  let largest = 0;
  for (const probability of [...(before ?? []), ...(after ?? [])]) largest = Math.max(largest, probability);
  const ends = [0.05, 0.1, 0.25, 0.5];
  return largest === 0 ? 1 : (ends.find((end) => largest <= end) ?? 1);
}
