/** The bundler and the Markdown parser: the ones that web/package.json pins, so that there is one of each for the package and the site. */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const fromWeb = createRequire(join(dirname(fileURLToPath(import.meta.url)), "../web/package.json"));
const load = (name) => import(pathToFileURL(fromWeb.resolve(name)).href);

export const { build } = await load("esbuild");
export const { Marked } = await load("marked");
