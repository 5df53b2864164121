/** The page's one polite live region: it says what a screen reader's user would otherwise miss, and nothing more. */

export class Announcer {
  readonly #element: HTMLElement;

  constructor(element: HTMLElement) {
    this.#element = element;
  }

  say(message: string): void {
    // The same words twice would not be read again.
    this.#element.textContent = this.#element.textContent === message ? `${message}\u00a0` : message;
  }
}
