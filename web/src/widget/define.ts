/** Makes `<clip-ttl>` known to the browser; on a server, and where another copy of this package has done so, it does nothing. */

import { ClipTtlElement } from "./clip-ttl-element.js";

export const TAG_NAME = "clip-ttl";

export function defineClipTtl(): void {
  const registry = globalThis.customElements as CustomElementRegistry | undefined;
  if (registry !== undefined && registry.get(TAG_NAME) === undefined) registry.define(TAG_NAME, ClipTtlElement);
}
