/**
 * Builds the embed pages with the tools that their authors use, each at a pinned version:
 *
 *     node tests/embeds/build.mjs --out DIR --package TARBALL_OR_FOLDER --site FOLDER
 *
 * `--package` is what `npm pack` made of `clip-ttl`, or such a package unpacked, or its folder `dist`; `--site` the built demo site, which
 * has `embed.html`. DIR then holds `pages/NAME/` for each embed, and `embeds.json`, which tells the tests where everything is. What
 * hasn't changed since the last time is not built again; what can't be built is an error.
 *
 * The tools come from npm (`package-lock.json`) and PyPI (`requirements.txt`) into DIR. The variable `PYTHON` names another `python3`.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { env, exit, platform } from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const repository = join(here, "../..");
/** The picture that all embeds show, as if its author had put it there. */
const PICTURE = join(repository, "www/samples/bee.jpg");

const { values } = parseArgs({ options: { out: { type: "string" }, package: { type: "string" }, site: { type: "string" } } });
if (values.out === undefined || values.package === undefined || values.site === undefined) {
  console.error("usage: node build.mjs --out DIR --package TARBALL_OR_FOLDER --site FOLDER");
  exit(2);
}
const out = resolve(values.out);
const site = resolve(values.site);

class BuildError extends Error {}

/** Each embed: how its page is made of a copy of its folder, and whether it has the package within. */
const EMBEDS = {
  plain: { picture: ".", build: copy },
  mdbook: { picture: "src", build: (work, page) => run(tool("mdbook"), ["build", work, "--dest-dir", page]) },
  vitepress: {
    picture: "public",
    build: (work, page) => run(process.execPath, [join(out, "node_modules/vitepress/bin/vitepress.js"), "build", work, "--outDir", page]),
  },
  "sphinx-myst": {
    picture: "_static",
    selfHosted: "_static/clip-ttl",
    build: (work, page) => run(tool("sphinx-build"), ["--builder", "html", "--fail-on-warning", "--quiet", work, page]),
  },
  reveal: {
    picture: ".",
    build: async (work, page) => {
      await copy(work, page);
      await cp(join(out, "node_modules/reveal.js/dist"), join(page, "reveal.js/dist"), { recursive: true });
    },
  },
  iframe: { picture: ".", build: copy },
};

try {
  await main();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(error.message);
  exit(1);
}

async function main() {
  await mkdir(out, { recursive: true });
  if (!existsSync(join(site, "embed.html"))) throw new BuildError(`${site} has no embed.html: it is not the built site`);
  const dist = await openPackage(resolve(values.package));
  const { version } = JSON.parse(await readFile(join(repository, "web/package.json"), "utf8"));
  const tools = await installTools();
  for (const [name, embed] of Object.entries(EMBEDS)) {
    const inputs = [await folderHash(join(here, name)), await fileHash(PICTURE), await fileHash(fileURLToPath(import.meta.url)), tools];
    if (embed.selfHosted !== undefined) inputs.push(await listingHash(dist));
    await unlessDone(`page ${name}`, join(out, "pages", name), inputs, (page) => buildPage(name, embed, dist, page));
  }
  await writeFile(join(out, "embeds.json"), `${JSON.stringify({ version, dist, site, pages: join(out, "pages") }, null, 2)}\n`);
}

/** The tools work on a copy, since some leave files beside the sources. */
async function buildPage(name, { picture, selfHosted, build }, dist, page) {
  const work = join(out, "work", name);
  await rm(work, { recursive: true, force: true });
  // The snippets are for the documentation; the pages have their lines already.
  await cp(join(here, name), work, { recursive: true, filter: (path) => !/^snippet\.\w+$/.test(basename(path)) });
  await mkdir(join(work, picture), { recursive: true });
  await cp(PICTURE, join(work, picture, "bee.jpg"));
  if (selfHosted !== undefined) await cp(dist, join(work, selfHosted), { recursive: true });
  await build(work, page);
}

function copy(work, page) {
  return cp(work, page, { recursive: true });
}

/** The folder with `element.js`. */
async function openPackage(path) {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new BuildError(`there is no ${path}`);
  if (found.isDirectory()) {
    const dist = [join(path, "dist"), path].find((folder) => existsSync(join(folder, "element.js")));
    if (dist === undefined) throw new BuildError(`${path} has no element.js: it is not the package`);
    return dist;
  }
  const folder = join(out, "package");
  await unlessDone("package", folder, [await fileHash(path)], async () => {
    await mkdir(folder);
    run("tar", ["-xzf", path, "-C", folder]);
  });
  return join(folder, "package/dist");
}

/** What npm and pip install, into `node_modules` and `venv`. Gives a hash of the versions. */
async function installTools() {
  const npm = [await fileHash(join(here, "package-lock.json")), process.version];
  await unlessDone("npm packages", join(out, "node_modules"), npm, async () => {
    for (const name of ["package.json", "package-lock.json", ".npmrc"]) await cp(join(here, name), join(out, name));
    run("npm", ["ci", "--no-audit", "--no-fund"], { cwd: out, shell: platform === "win32" });
  });
  const python = env["PYTHON"] ?? "python3";
  const pip = [await fileHash(join(here, "requirements.txt")), run(python, ["--version"])];
  await unlessDone("Python packages", join(out, "venv"), pip, (venv) => {
    run(python, ["-m", "venv", venv]);
    run(tool("python"), ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement", join(here, "requirements.txt")]);
  });
  return hashOf([...npm, ...pip]);
}

function tool(name) {
  return join(out, "venv", platform === "win32" ? "Scripts" : "bin", name);
}

/** Makes a file or folder anew, unless it was made of the same inputs already. */
async function unlessDone(what, target, inputs, make) {
  const stamp = join(out, `.${relative(out, target).replaceAll(/[\\/]/g, "-")}.stamp`);
  const wanted = hashOf(inputs);
  const known = await readFile(stamp, "utf8").catch(() => null);
  if (known === wanted && existsSync(target)) return;
  const start = performance.now();
  await rm(stamp, { force: true });
  await rm(target, { recursive: true, force: true });
  await make(target);
  await writeFile(stamp, wanted);
  console.log(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** Runs a program, and gives what it printed. */
function run(program, options, settings = {}) {
  const { error, status, stdout, stderr } = spawnSync(program, options, { encoding: "utf8", ...settings });
  if (error !== undefined) throw new BuildError(`${program} can't be run: ${error.message}`);
  if (status !== 0) throw new BuildError(`${program} ${options.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout;
}

function hashOf(parts) {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

async function fileHash(path) {
  return createHash("sha256").update(await readFile(path)).digest("hex");
}

async function filesBelow(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort();
}

async function folderHash(folder) {
  const files = await filesBelow(folder);
  return hashOf(await Promise.all(files.map(async (path) => [relative(folder, path), await fileHash(path)])));
}

/** Of names, sizes and times: the package is too large to be read each time. */
async function listingHash(folder) {
  const files = await filesBelow(folder);
  return hashOf(await Promise.all(files.map(async (path) => [path, (await stat(path)).size, (await stat(path)).mtimeMs])));
}
