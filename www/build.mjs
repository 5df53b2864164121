/** Builds the site: `node build.mjs --outdir DIR`. The package `clip-ttl` stays outside; the page's import map finds it. */

import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, posix, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { buildDocs } from "./docs.mjs";
import { html, withoutFrontMatter } from "./markdown.mjs";
import { textPage, toolPage } from "./page.mjs";
import { build } from "./tools.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({ options: { outdir: { type: "string" }, minify: { type: "boolean", default: false } } });
if (values.outdir === undefined) {
  console.error("usage: node build.mjs --outdir DIR [--minify]");
  process.exit(2);
}
const outdir = resolve(values.outdir);

/** Texts of the repository that the site has too, and what their pages are called. */
const TEXTS = [
  { source: "models/pocket/README.md", page: "model-card.html", title: "Model card: the small CLIP of clip-ttl" },
  { source: "docs/comparison/README.md", page: "comparison.html", title: "The methods compared" },
];

await mkdir(outdir, { recursive: true });
const common = { absWorkingDir: here, outdir, bundle: true, format: "esm", target: "es2022", sourcemap: true, minify: values.minify, logLevel: "warning" };
await build({ ...common, entryPoints: { main: "src/main.ts", lesson: "src/lesson/main.ts", compare: "src/compare/main.ts" }, external: ["clip-ttl", "clip-ttl/*"] });
await buildEmbed();
for (const name of ["styles.css", "styles-lesson.css", "styles-compare.css", "styles-docs.css", "lessons", "embed.html", "embed.css", "icon.svg", "samples"]) {
  await cp(join(here, name), join(outdir, name), { recursive: true });
}
for (const name of ["index.html", "lesson.html", "compare.html"]) {
  await writeFile(join(outdir, name), await toolPage(join(here, "pages", name)));
}
await buildTexts();
await buildDocs(outdir, bundleForNode);

/** The pages of these texts, and the plots that they lead to. */
async function buildTexts() {
  const repository = join(here, "..");
  for (const { source, page, title } of TEXTS) {
    const plots = new Set();
    const link = (href) => {
      const address = addressOf(source, href);
      if (address?.endsWith(".svg")) plots.add(address);
      return address;
    };
    const body = html(withoutFrontMatter(await readFile(join(repository, source), "utf8")), link);
    await writeFile(join(outdir, page), textPage({ title, body }));
    for (const plot of plots) await cp(join(repository, "docs", plot), join(outdir, plot));
  }
}

/** Where a link of such a text leads: within the text, to another text, to the docs, or to a plot. Null for other files of the repository, which the site doesn't have. */
function addressOf(source, href) {
  if (href.startsWith("#")) return href;
  const file = posix.join(posix.dirname(source), href);
  const docs = /^www\/(docs\/[\w/-]+)\.md$/.exec(file)?.[1];
  const plot = /^docs\/(comparison\/[\w/-]+\.svg)$/.exec(file)?.[1];
  return TEXTS.find((other) => other.source === file)?.page ?? (docs === undefined ? (plot ?? null) : `${docs}.html`);
}

/** A module's code with everything in it, for this script to import. */
async function bundleForNode(contents) {
  const { outputFiles } = await build({ ...common, sourcemap: false, stdin: { contents, resolveDir: here, loader: "ts" }, write: false });
  return outputFiles[0].text;
}

/** embed.html for iframes, and the script for the pages around it. */
async function buildEmbed() {
  // embed.html's Content-Security-Policy allows no import map, which would be a script within the page.
  const packageBeside = {
    name: "package-beside",
    setup: (bundler) =>
      bundler.onResolve({ filter: /^clip-ttl(\/element)?$/ }, ({ path }) => ({ path: `./clip-ttl/${path === "clip-ttl" ? "index" : "element"}.js`, external: true })),
  };
  await build({ ...common, entryPoints: ["src/embed.ts"], plugins: [packageBeside] });
  await build({ ...common, entryPoints: ["src/embed-host.ts"], format: "iife" });
}
