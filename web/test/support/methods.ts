/** What the engine says of its methods, as the documentation has it; a test in a browser holds the two against each other. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { MethodDescription } from "../../src/types.js";

export const METHODS = JSON.parse(await readFile(join(process.cwd(), "../www/docs/methods.json"), "utf8")) as readonly MethodDescription[];
