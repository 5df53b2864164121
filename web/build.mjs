/**
 * Builds the package's own code: `node build.mjs --outdir DIR`.
 *
 * What else belongs into the folder (the engine's WebAssembly with its JavaScript side, the model) `cargo xtask build`
 * puts there. With `--tests` it is the unit tests that are bundled, for Node.js.
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, posix, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: { outdir: { type: "string" }, tests: { type: "boolean", default: false }, minify: { type: "boolean", default: false } },
});
if (values.outdir === undefined) {
  console.error("usage: node build.mjs --outdir DIR [--minify] [--tests]");
  process.exit(2);
}
const outdir = resolve(values.outdir);

/** wasm-bindgen makes these modules; in the package they lie beside the worker. */
const engineOutside = {
  name: "engine-outside",
  setup: (bundler) => bundler.onResolve({ filter: /\/clip_ttl(_cpu)?\.js$/ }, ({ path }) => ({ path: `./${posix.basename(path)}`, external: true })),
};

const common = {
  absWorkingDir: here,
  outdir,
  bundle: true,
  format: "esm",
  target: "es2022",
  plugins: [engineOutside],
  logLevel: "warning",
};

/** So that TypeScript lets a worker of the page's own import it. */
const WORKER_TYPES = `/** The worker's code: to be imported by a worker of the page's own (see \`setWorkerUrl\`). It exports nothing. */
export {};
`;

if (values.tests) await buildTests();
else await buildPackage();

async function buildPackage() {
  const page = { index: "src/index.ts" };
  if (existsSync(join(here, "src/element/index.ts"))) page.element = "src/element/index.ts";
  await mkdir(outdir, { recursive: true });
  const shipped = { ...common, sourcemap: true, minify: values.minify };
  // What index.js and element.js share exists once; the worker is complete in itself.
  await build({ ...shipped, entryPoints: page, splitting: true, chunkNames: "shared-[hash]" });
  await build({ ...shipped, entryPoints: { worker: "src/worker.ts" } });
  await placeSources();
  await writeFile(join(outdir, "worker.d.ts"), WORKER_TYPES);
  const typescript = createRequire(import.meta.url).resolve("typescript/package.json");
  const arguments_ = ["--project", join(here, "tsconfig.types.json"), "--outDir", outdir];
  const { status } = spawnSync(process.execPath, [join(dirname(typescript), "bin/tsc"), ...arguments_], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

/**
 * Source maps are published, with the sources in them: a stack trace is then readable, and the sources need not be published beside them.
 * The paths in them count from the folder that was built into, which would tell where on this machine it is.
 */
async function placeSources() {
  for (const name of (await readdir(outdir)).filter((name) => name.endsWith(".js.map"))) {
    const path = join(outdir, name);
    const map = JSON.parse(await readFile(path, "utf8"));
    map.sources = map.sources.map((source) => `../${relative(here, resolve(outdir, source)).split(sep).join("/")}`);
    await writeFile(path, JSON.stringify(map));
  }
}

async function buildTests() {
  await rm(outdir, { recursive: true, force: true });
  const tests = (await readdir(join(here, "test"))).filter((name) => name.endsWith(".test.ts"));
  await build({ ...common, entryPoints: tests.map((name) => `test/${name}`), platform: "node", sourcemap: "inline", outExtension: { ".js": ".mjs" } });
}
