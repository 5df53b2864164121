/** Starts the page. */

import { adoptViewStyles } from "clip-ttl/element";
import { App } from "./app.js";

adoptViewStyles(document);
new App().start();
