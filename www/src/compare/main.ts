/** Starts the comparison. */

import { ComparePage } from "./compare-page.js";

new ComparePage().start();
