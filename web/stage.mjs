/**
 * Makes a built package ready to be published: `node stage.mjs --folder DIR`, where DIR/dist has what was built. Puts the manifest, the text files
 * and the licences beside it, and prints what is published and how large it is. `npm pack DIR` does the rest.
 */

import { copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** What a reader of the sizes wants to tell apart; the first that fits has the file. */
const GROUPS = [
  { title: "Page: index.js, and what it shares with element.js", has: /^dist\/(index|shared-\w+)\.js$/ },
  { title: "Element: element.js, beside those", has: /^dist\/element\.js$/ },
  { title: "Worker: worker.js, clip_ttl.js, clip_ttl_cpu.js", has: /^dist\/(worker|clip_ttl|clip_ttl_cpu)\.js$/ },
  { title: "Engine for the CPU alone: clip_ttl_cpu_bg.wasm", has: /_cpu_bg\.wasm$/ },
  { title: "Engine for graphics devices as well: clip_ttl_bg.wasm", has: /\.wasm$/ },
  { title: "Pocket model", has: /\.safetensors$/ },
  { title: "Types", has: /\.d\.ts$/ },
  { title: "Source maps", has: /\.map$/ },
  { title: "Manifest, texts, licences", has: /(^|\/)(package\.json|[A-Z-]+(\.md)?)$/ },
];

/** What servers commonly use for answers that aren't compressed ahead of time; the highest levels take a minute for a few percent. */
const GZIP_LEVEL = 6;
const BROTLI_QUALITY = 5;

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({ options: { folder: { type: "string" } } });
if (values.folder === undefined) {
  console.error("usage: node stage.mjs --folder DIR");
  process.exit(2);
}
const folder = resolve(values.folder);

await writeManifest();
for (const file of ["README.md", "CHANGELOG.md"]) await copyFile(join(here, file), join(folder, file));
for (const file of ["LICENSE-MIT", "LICENSE-APACHE"]) await copyFile(join(here, "..", file), join(folder, file));
printSizes(await measure());

/** What concerns nobody but those who work on the package stays behind. */
async function writeManifest() {
  const { scripts: _scripts, devDependencies: _devDependencies, ...manifest } = JSON.parse(await readFile(join(here, "package.json"), "utf8"));
  await writeFile(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** For each group, the sum of its files' sizes in bytes: as they are, and as downloads. */
async function measure() {
  const sums = GROUPS.map(({ title }) => ({ title, raw: 0, gzip: 0, brotli: 0 }));
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const name = relative(folder, path).split(sep).join("/");
    const index = GROUPS.findIndex(({ has }) => has.test(name));
    if (index === -1) throw new Error(`${name} is in the package, and it is not known what for: see GROUPS in web/stage.mjs`);
    const bytes = await readFile(path);
    sums[index].raw += bytes.length;
    sums[index].gzip += gzipSync(bytes, { level: GZIP_LEVEL }).length;
    sums[index].brotli += brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }).length;
  }
  return sums;
}

function printSizes(sums) {
  const total = { title: "All", raw: 0, gzip: 0, brotli: 0 };
  for (const key of ["raw", "gzip", "brotli"]) total[key] = sums.reduce((sum, group) => sum + group[key], 0);
  const rows = [...sums, total].map(({ title, raw, gzip, brotli }) => [title, ...[raw, gzip, brotli].map(kilobytes)]);
  const header = ["what is published", "KB", "gzip", "brotli"];
  const widths = header.map((text, column) => Math.max(text.length, ...rows.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((text, column) => (column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column]))).join(" | ")} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  console.log([line(header), rule, ...rows.map(line)].join("\n"));
}

/** Decimal kilobytes with one decimal. */
function kilobytes(bytes) {
  return (bytes / 1000).toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}
