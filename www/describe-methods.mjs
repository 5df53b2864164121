/** Writes docs/methods.json, what methods there are, from a built package: `node describe-methods.mjs PACKAGE`. A browser test holds it against the engine. */

import { readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error("usage: node describe-methods.mjs PACKAGE (the folder with clip_ttl.js and clip_ttl_bg.wasm)");
  process.exit(2);
}
const engine = await import(pathToFileURL(resolve(folder, "clip_ttl.js")).href);
await engine.default({ module_or_path: await WebAssembly.compile(await readFile(join(folder, "clip_ttl_bg.wasm"))) });
const file = join(dirname(fileURLToPath(import.meta.url)), "docs/methods.json");
await writeFile(file, `${JSON.stringify(engine.methods(), null, 2)}\n`);
