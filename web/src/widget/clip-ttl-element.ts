/** `<clip-ttl>`: a picture, its labels, and an answer before and after adaptation, for any page. */

import type { EpisodeReport, ImageInput, TtlOptions } from "../types.js";
import type { ClipTtlEventMap } from "./events.js";
import { keepKeys } from "./keys.js";
import { watchLanguages } from "./language.js";
import { OBSERVED_ATTRIBUTES, ReflectedElement, SETTABLE_PROPERTIES } from "./reflected-element.js";
import { adoptWidgetStyles } from "./styling.js";
import { Widget } from "./widget.js";

/** The element that was used last: a picture that is pasted nowhere in particular goes there. */
let lastUsed: ClipTtlElement | null = null;

export class ClipTtlElement extends ReflectedElement {
  static readonly observedAttributes = OBSERVED_ATTRIBUTES;

  readonly #root: ShadowRoot;
  readonly #widget: Widget;
  #leaving: ReturnType<typeof setTimeout> | undefined;
  #unwatch: (() => void) | null = null;
  /** Where pastes are listened for; after a move to another document it is not the element's any more. */
  #pasteDocument: Document | null = null;

  constructor() {
    super();
    this.#root = this.attachShadow({ mode: "open" });
    this.#widget = new Widget(this, this.#root);
    keepKeys(this);
    for (const name of ["pointerenter", "focusin"]) this.addEventListener(name, () => (lastUsed = this));
  }

  /** The report of the last run of the present picture and labels, or null. */
  get result(): EpisodeReport | null {
    return this.#widget.result;
  }

  /** The labels that are asked about: as people have typed them, else as the attribute says. */
  get currentLabels(): readonly string[] {
    return this.#widget.labels;
  }

  /**
   * The picture, as it was given. Set it to show one from a script; null goes back to what the attributes say. What it shows in words is said by an
   * `<img>` itself, else by the attribute `alt`.
   */
  get image(): ImageInput | null {
    return this.#widget.image;
  }

  set image(image: ImageInput | null) {
    this.#widget.image = image;
  }

  /** Settings beside those that are attributes: learning rate, rank, margin and so on. */
  get options(): TtlOptions {
    return this.#widget.options;
  }

  set options(options: TtlOptions) {
    this.#widget.options = options;
  }

  /** Adapts to the picture. Rejects with a `ClipTtlError`, which is told by the event `error` too, or with the code `cancelled`. */
  run(): Promise<EpisodeReport> {
    return quietly(this.#widget.run());
  }

  /** Runs with one update more than the last result has. */
  step(): Promise<EpisodeReport> {
    return quietly(this.#widget.step());
  }

  /** Calls off what goes on; the result from before is there again. */
  cancel(): void {
    this.#widget.cancel();
  }

  /** Goes back to the answer without adaptation. */
  reset(): void {
    this.#widget.reset();
  }

  connectedCallback(): void {
    clearTimeout(this.#leaving);
    this.#takeEarlyProperties();
    adoptWidgetStyles(this.#root);
    this.#unwatch ??= watchLanguages(() => void this.#widget.languageMayHaveChanged());
    this.#pasteDocument?.removeEventListener("paste", this.#onPaste);
    this.#pasteDocument = this.ownerDocument;
    this.#pasteDocument.addEventListener("paste", this.#onPaste);
    this.#widget.connected();
  }

  disconnectedCallback(): void {
    this.#pasteDocument?.removeEventListener("paste", this.#onPaste);
    this.#pasteDocument = null;
    // Whoever is moved is back within this task; whoever isn't has left.
    this.#leaving = setTimeout(() => {
      this.#unwatch?.();
      this.#unwatch = null;
      if (lastUsed === this) lastUsed = null;
      this.#widget.left();
    });
  }

  /** With this, `moveBefore` moves the element without its leaving. */
  connectedMoveCallback(): void {
    this.#widget.languageMayHaveChanged();
  }

  /** A document keeps no style sheets of another one. */
  adoptedCallback(): void {
    this.#root.adoptedStyleSheets = [];
    adoptWidgetStyles(this.#root);
  }

  attributeChangedCallback(name: string, old: string | null, value: string | null): void {
    if (old !== value) this.#widget.attributeChanged(name);
  }

  readonly #onPaste = (event: ClipboardEvent): void => {
    const path = event.composedPath();
    const isInside = path.includes(this);
    const isTyping = path.some((target) => "localName" in target && /^(input|textarea|select)$/.test(String(target.localName)));
    const isEditing = path[0] !== undefined && "isContentEditable" in path[0] && path[0].isContentEditable === true;
    const isMine = isInside || (lastUsed === this && !isTyping && !isEditing);
    if (!isMine || event.defaultPrevented) return;
    // Text that is pasted into a field is text, even with a picture beside it, as spreadsheets copy cells; a file alone is a picture there too.
    const data = event.clipboardData;
    const isText = data === null || data.files.length === 0 || data.types.includes("text/plain");
    if (isTyping && isText) return;
    if (this.#widget.paste(event.clipboardData)) event.preventDefault();
  };

  /** Properties that were set before the element was defined hide those of its class. */
  #takeEarlyProperties(): void {
    for (const name of [...SETTABLE_PROPERTIES, "image", "options"]) {
      if (!Object.hasOwn(this, name)) continue;
      const value: unknown = Reflect.get(this, name);
      Reflect.deleteProperty(this, name);
      Reflect.set(this, name, value);
    }
  }
}

export interface ClipTtlElement {
  addEventListener<Type extends keyof ClipTtlEventMap>(
    type: Type,
    listener: (this: ClipTtlElement, event: ClipTtlEventMap[Type]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<Type extends keyof ClipTtlEventMap>(
    type: Type,
    listener: (this: ClipTtlElement, event: ClipTtlEventMap[Type]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | EventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "clip-ttl": ClipTtlElement;
  }
}

/** What goes wrong is told by an event; that nobody awaits the promise is no error of the page's. */
function quietly<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
