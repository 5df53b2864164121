/** Builds the demo page: `node build.mjs --outdir DIR`. The package `clip-ttl` stays outside; the page's import map finds it. */

import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

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
await writeFile(join(outdir, "model-card.html"), modelCardPage(await readFile(join(here, "../models/pocket/README.md"), "utf8").catch(() => "")));

/** The model card as a plain page: its Markdown is readable as it is. */
function modelCardPage(markdown) {
  const escaped = markdown.replace(/[&<>]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[character]);
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Model card: the pocket model of clip-ttl</title>
  <link rel="icon" href="./icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="./styles.css">
</head>
<body>
  <header class="masthead"><p class="wordmark"><a href="./">clip-ttl</a></p></header>
  <main class="card"><h1>Model card</h1><pre>${escaped}</pre></main>
</body>
</html>
`;
}
