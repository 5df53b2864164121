/** Builds the demo page: `node build.mjs --outdir DIR`. The package `clip-ttl` stays outside; the page's import map finds it. */

import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { cardPage } from "./card.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({ options: { outdir: { type: "string" }, minify: { type: "boolean", default: false } } });
if (values.outdir === undefined) {
  console.error("usage: node build.mjs --outdir DIR [--minify]");
  process.exit(2);
}
const outdir = resolve(values.outdir);

// One esbuild for the package and for the page: the one that web/package.json pins.
const fromWeb = createRequire(join(here, "../web/package.json"));
const { build } = await import(pathToFileURL(fromWeb.resolve("esbuild")).href);

await mkdir(outdir, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: ["src/main.ts"],
  outdir,
  bundle: true,
  format: "esm",
  target: "es2022",
  external: ["clip-ttl", "clip-ttl/*"],
  sourcemap: true,
  minify: values.minify,
  logLevel: "warning",
});
for (const name of ["index.html", "styles.css", "icon.svg", "samples"]) {
  await cp(join(here, name), join(outdir, name), { recursive: true });
}
const card = join(here, "../models/pocket/README.md");
const markdown = await readFile(card, "utf8").catch((error) => {
  console.warn(`The site has no model card: ${error.message}`);
  return "# Model card\n\nThis copy of the site was built without it.";
});
await writeFile(join(outdir, "model-card.html"), cardPage(markdown));
