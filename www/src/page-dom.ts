/** Finding the page's elements by id, with the type that is expected of them, and making new ones. */

/** The element with this id; index.html and the scripts are shipped together, so a missing one is a programming error. */
export function byId<T extends Element>(id: string, type: abstract new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new TypeError(`index.html has no ${type.name} with the id "${id}"`);
  return element;
}

/** A new element. Strings among the children become text nodes, never markup. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A link to another site; the page with what was entered stays open. */
export function outwardLink(href: string, words: string, hiddenWords = ""): HTMLAnchorElement {
  return make("a", { href, target: "_blank", rel: "noopener" }, words, ...(hiddenWords === "" ? [] : [make("span", { class: "unseen" }, ` ${hiddenWords}`)]));
}

/** Sets an element's text only where it differs, so that selections and live regions aren't disturbed. */
export function setText(element: HTMLElement, words: string): void {
  if (element.textContent !== words) element.textContent = words;
}

/** A button that says what it does and is told when it is pressed. `aria-disabled` keeps it focusable. */
export function onPress(button: HTMLButtonElement, act: () => void): void {
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") act();
  });
}

export function setEnabled(button: HTMLButtonElement, isEnabled: boolean): void {
  button.setAttribute("aria-disabled", String(!isEnabled));
}

/** A line of text beside what caused a problem, announced by its own alert role; empty takes it away. */
export class ProblemLine {
  readonly #element: HTMLElement;
  readonly #culprit: HTMLElement | null;

  constructor(element: HTMLElement, culprit: HTMLElement | null = null) {
    this.#element = element;
    this.#culprit = culprit;
    element.setAttribute("role", "alert");
  }

  get isShown(): boolean {
    return !this.#element.hidden;
  }

  show(message: string): void {
    this.#element.hidden = message === "";
    if (this.#element.textContent !== message) this.#element.textContent = message;
    if (this.#culprit === null) return;
    if (message === "") this.#culprit.removeAttribute("aria-invalid");
    else this.#culprit.setAttribute("aria-invalid", "true");
  }

  clear(): void {
    this.show("");
  }
}
