/** Which methods say what. */

/** What one of them says: the title, and the place of its likeliest label. */
export interface Voice {
  readonly title: string;
  readonly label: number;
}

/** Those who say the same. */
export interface Group {
  readonly label: number;
  readonly titles: readonly string[];
}

/** The groups, the largest first; of equal ones the one that spoke first. */
export function groupsOf(voices: readonly Voice[]): Group[] {
  const titles = new Map<number, string[]>();
  for (const { title, label } of voices) titles.set(label, [...(titles.get(label) ?? []), title]);
  return [...titles].map(([label, named]) => ({ label, titles: named })).sort((a, b) => b.titles.length - a.titles.length);
}

/** The places of the likeliest labels, the likeliest first; of equal ones the earlier. */
export function likeliest(probabilities: readonly number[], count: number): number[] {
  const order = probabilities.map((_, label) => label).sort((a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0) || a - b);
  return order.slice(0, count);
}
