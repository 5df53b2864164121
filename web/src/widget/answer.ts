/** The answer as a sentence. */

import { formatPercent } from "../element/format.js";
import type { Knowledge } from "./session.js";
import type { ElementStrings, Words } from "./strings.js";

/** A piece of a sentence; labels are marked, since they come from people and may be of another script. */
export interface SentencePart {
  readonly text: string;
  readonly isLabel: boolean;
}

export interface Answers {
  readonly labels: readonly string[];
  readonly before: readonly number[] | null;
  readonly after: readonly number[] | null;
  /** Number of updates between the two. */
  readonly updates: number;
}

/** What the model said before, and what it says now. */
export function answerSentence({ labels, before, after, updates }: Answers, { widget }: ElementStrings): SentencePart[] {
  const text = widget.answer;
  const first = before === null ? null : best(labels, before);
  const second = after === null ? null : best(labels, after);
  if (first === null) return [{ text: text.empty, isLabel: false }];
  const pattern = second === null ? text.before : second.label === first.label ? text.stays : text.changes;
  const values: Readonly<Record<string, SentencePart>> = {
    first: { text: shorten(first.label), isLabel: true },
    before: { text: formatPercent(first.probability), isLabel: false },
    second: { text: shorten(second?.label ?? ""), isLabel: true },
    after: { text: formatPercent(second?.probability ?? 0), isLabel: false },
    updates: { text: text.updates(updates), isLabel: false },
  };
  return pattern
    .split(/\{(\w+)\}/)
    .map((part, index) => (index % 2 === 0 ? { text: part, isLabel: false } : (values[part] ?? { text: part, isLabel: false })))
    .filter((part) => part.text !== "");
}

/** The sentence about what is known, as plain text. */
export function answerOf(labels: readonly string[], { before, steps }: Pick<Knowledge, "before" | "steps">): Words {
  return (strings) => answerText({ labels, before, after: steps.at(-1)?.prediction ?? null, updates: steps.length }, strings);
}

/** The sentence as plain text. */
export function answerText(answers: Answers, strings: ElementStrings): string {
  return answerSentence(answers, strings)
    .map((part) => part.text)
    .join("");
}

/** The likeliest label; of equal ones the first. */
export function best(labels: readonly string[], probabilities: readonly number[]): { label: string; probability: number } | null {
  let top = -1;
  probabilities.forEach((probability, index) => {
    if (top < 0 || probability > (probabilities[top] ?? 0)) top = index;
  });
  const label = labels[top];
  return label === undefined ? null : { label, probability: probabilities[top] ?? 0 };
}

/** Long labels are cut in sentences, never in the work itself. */
export function shorten(label: string): string {
  const characters = [...label];
  return characters.length <= 60 ? label : `${characters.slice(0, 57).join("")}…`;
}
