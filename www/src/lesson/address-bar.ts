/** Keeps the page's address in step with what is shown, and the way back to the demo in step with it. */

import { formatPageLink, showInAddress, type PageLink } from "../link.js";
import { byId } from "../page-dom.js";

/** Browsers refuse an address that changes too often; a scrubber that is dragged would do that. */
const REST_MS = 250;

export class AddressBar {
  readonly #toDemo = byId("to-demo", HTMLAnchorElement);
  #link: PageLink | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Shows a link, a moment later. */
  show(link: PageLink): void {
    this.#link = link;
    this.#timer ??= setTimeout(() => this.#write(), REST_MS);
    const run = formatPageLink({ ...link, state: null, other: null });
    this.#toDemo.href = `./${location.search}${run === "" ? "" : `#${run}`}`;
  }

  /** What isn't written yet isn't meant any more: another link has come. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#link = null;
  }

  #write(): void {
    this.#timer = undefined;
    if (this.#link !== null) showInAddress(formatPageLink(this.#link));
  }
}
