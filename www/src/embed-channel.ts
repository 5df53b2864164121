/** The embedded page's end of the conversation that embed-protocol.ts describes. */

import { EMBED_PROTOCOL_VERSION, readCommand, type EmbedMessage, type EmbedNews, type EmbedRequest } from "./embed-protocol.js";

export class EmbedChannel {
  /** Who is told and obeyed, or null where nobody is. */
  readonly #origin: string | null;

  constructor(origin: string | null) {
    this.#origin = origin;
  }

  tell(news: EmbedNews): void {
    if (this.#origin === null) return;
    const message: EmbedMessage = { source: "clip-ttl", version: EMBED_PROTOCOL_VERSION, ...news };
    // The browser delivers it only if the page around this one really has that origin.
    parent.postMessage(message, this.#origin);
  }

  /** Calls back for each command of the page around this one. */
  listen(obey: (request: EmbedRequest) => void): void {
    if (this.#origin === null) return;
    addEventListener("message", ({ data, origin, source }: MessageEvent<unknown>) => {
      if (source !== parent || origin !== this.#origin) return;
      const request = readCommand(data);
      if (request !== null) obey(request);
    });
  }
}

/**
 * The origin of the page around this one: what the address says, else where this page was opened from. Null where this page stands alone,
 * and where there is no such origin.
 */
export function parentOrigin(): string | null {
  if (parent === window) return null;
  return originOf(new URLSearchParams(location.search).get("parent") ?? document.referrer);
}

function originOf(address: string): string | null {
  try {
    const { protocol, origin } = new URL(address);
    return protocol === "https:" || protocol === "http:" ? origin : null;
  } catch {
    return null;
  }
}
