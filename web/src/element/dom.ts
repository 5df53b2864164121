/** Small helpers that build DOM nodes. Strings become text nodes, never markup: labels come from the user. */

export type AttributeValue = string | number | boolean | undefined;
export type Attributes = Readonly<Record<string, AttributeValue>>;
export type Child = Node | string;

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

function assign(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** An HTML element with attributes and children. `false` and `undefined` leave an attribute out. */
export function html<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  assign(element, attributes);
  element.append(...children);
  return element;
}

/** An SVG element with attributes and children. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG_NAMESPACE, tag);
  assign(element, attributes);
  element.append(...children);
  return element;
}

/** Sets the text of a node only where it differs, so that live regions and selections aren't disturbed. */
export function setText(node: Node, text: string): void {
  if (node.textContent === text) return;
  // A new text instead of a changed one: of that, browsers say that it has moved where it is aligned to its end.
  node.textContent = "";
  node.textContent = text;
}

/** Whether the reader asked for less motion. */
export function prefersReducedMotion(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Whether a key is pressed for the browser or the system: back, to the page's end, another tab. */
export function isShortcut({ altKey, ctrlKey, metaKey }: KeyboardEvent): boolean {
  return altKey || ctrlKey || metaKey;
}

/** Whether two lists hold the same items in the same order, or both are missing. */
export function sameItems<T>(one: readonly T[] | null, other: readonly T[] | null): boolean {
  if (one === other) return true;
  if (one === null || other === null || one.length !== other.length) return false;
  return one.every((item, index) => item === other[index]);
}

let lastId = 0;

/** A document-wide unique id for `aria-labelledby` and its like. */
export function uniqueId(prefix: string): string {
  lastId += 1;
  return `${prefix}-${lastId}`;
}
