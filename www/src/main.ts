/** Starts the page. */

import { adoptViewStyles } from "clip-ttl/element";
import { App } from "./app.js";

adoptViewStyles(document);
// In pieces: the scripts, the page's parts, and what they begin with. As one task it keeps a slow machine from answering for longer than one
// notices.
setTimeout(() => {
  const app = new App();
  setTimeout(() => app.start());
});
