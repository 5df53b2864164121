/** Style sheets that count in an element's own unit instead of the page's `rem`, which many pages set to 10 pixels. */

/**
 * Replaces `rem` by `--clip-rem`, a length that the element sets. In the conditions of rules no variable may stand; but there `em` is the text's
 * size of the container that is asked about, which is that length.
 */
export function scaledCss(css: string): string {
  return css
    .split(/(@(?:container|media)[^{]*\{)/)
    .map((piece, index) => piece.replace(/(-?\d*\.?\d+)rem\b/g, (_, value: string) => (index % 2 === 1 ? `${value}em` : `calc(${value} * var(--clip-rem))`)))
    .join("");
}
