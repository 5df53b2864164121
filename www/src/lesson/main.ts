/** Starts the lesson. */

import { adoptViewStyles } from "clip-ttl/element";
import { LessonPage } from "./lesson-page.js";

adoptViewStyles(document);
new LessonPage().start();
