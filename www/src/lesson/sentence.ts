/** Sentences that are computed: plain data, in which labels and views stay what they are until somebody draws them. */

/** A piece of a sentence. Labels come from the user and are only ever shown as text; views can be pointed at. */
export type Part = string | { readonly label: string } | { readonly view: number };

export interface Sentence {
  readonly parts: readonly Part[];
  /** The mark in the picture that the sentence is about, or null. */
  readonly callout: Callout | null;
}

/** The marks in the picture: the surest view, the least sure one, and the centre crop, which answers. */
export type Callout = 1 | 2 | 3;

/** A sentence from a pattern with `{name}` where the values belong. */
export function sentence(pattern: string, values: Readonly<Record<string, Part>> = {}, callout: Callout | null = null): Sentence {
  const parts = pattern
    .split(/\{(\w+)\}/)
    .map((part, index): Part => (index % 2 === 0 ? part : (values[part] ?? "")))
    .filter((part) => part !== "");
  return { parts, callout };
}

/** A sentence as plain text. Views count from 1 for people. */
export function plain({ parts }: Sentence): string {
  return parts.map((part) => (typeof part === "string" ? part : "label" in part ? part.label : `view ${part.view + 1}`)).join("");
}
