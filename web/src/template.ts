/** The sentence around a label, as in the papers. */
export const DEFAULT_TEMPLATE = "a photo of a {}.";
