/** Tells when an element comes near the part of the page that is seen. */

/** How far away is near: so much of the view's height above and below it. */
const NEAR = "50%";

export class Visibility {
  readonly #target: Element;
  readonly #onNear: () => void;
  #observer: IntersectionObserver | null = null;
  #isNear = false;

  /** `onNear` is called once, when the target is near for the first time. */
  constructor(target: Element, onNear: () => void) {
    this.#target = target;
    this.#onNear = onNear;
  }

  get isNear(): boolean {
    return this.#isNear;
  }

  /** Begins to look, unless it was near already. */
  watch(): void {
    if (this.#isNear || this.#observer !== null) return;
    this.#observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        this.#isNear = true;
        this.ignore();
        this.#onNear();
      },
      { rootMargin: `${NEAR} 0px` },
    );
    this.#observer.observe(this.#target);
  }

  ignore(): void {
    this.#observer?.disconnect();
    this.#observer = null;
  }
}
