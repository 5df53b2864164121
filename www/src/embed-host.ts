/**
 * For pages that embed `embed.html` in an iframe: `<script src="…/embed-host.js" async></script>` gives each of these iframes the height
 * of what it shows, and passes on what it says as an event `clip-ttl` of the iframe, whose `detail` is the message (embed-protocol.ts).
 */

import type { EmbedMessage } from "./embed-protocol.js";

/** More than a screen or two is no embed: a page that is not what it should be can't take the whole page around it. */
const LARGEST_HEIGHT_PX = 10_000;

/** The iframes that show an embed.html, whenever they were added. */
function embeds(): HTMLIFrameElement[] {
  return [...document.querySelectorAll("iframe")].filter((frame) => /\/embed(\.html)?([?#]|$)/.test(frame.src));
}

function hear({ data, origin, source }: MessageEvent<EmbedMessage | null>): void {
  if (typeof data !== "object" || data?.source !== "clip-ttl" || data.version !== 1) return;
  const frame = embeds().find(({ contentWindow }) => contentWindow === source);
  // A sandboxed iframe has no origin of its own.
  if (frame === undefined || (origin !== new URL(frame.src).origin && !(origin === "null" && frame.hasAttribute("sandbox")))) return;
  if (data.type === "height" && data.height > 0 && data.height <= LARGEST_HEIGHT_PX) frame.style.height = `${Math.ceil(data.height)}px`;
  frame.dispatchEvent(new CustomEvent("clip-ttl", { detail: data, bubbles: true }));
}

// Authors who embed two have the script twice.
const HEARS = Symbol.for("clip-ttl embed-host");
if (!Reflect.has(window, HEARS)) {
  Reflect.set(window, HEARS, true);
  addEventListener("message", hear);
}
// Iframes that were there before this script have said their height already. Any page may know that it was asked for.
for (const frame of embeds()) frame.contentWindow?.postMessage({ target: "clip-ttl", version: 1, type: "measure" }, "*");
