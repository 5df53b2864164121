/** What is published: these files and no others. */

import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "../browser/playwright.js";

import { built } from "./built.js";

const repository = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** All but types, and what index.js and element.js share, whose name has a checksum in it. */
const FILES = [
  "CHANGELOG.md",
  "LICENSE-APACHE",
  "LICENSE-MIT",
  "README.md",
  "dist/clip_ttl.js",
  "dist/clip_ttl_bg.wasm",
  "dist/clip_ttl_cpu.js",
  "dist/clip_ttl_cpu_bg.wasm",
  "dist/element.js",
  "dist/element.js.map",
  "dist/index.js",
  "dist/index.js.map",
  "dist/models/pocket/LICENSE.md",
  "dist/models/pocket/README.md",
  "dist/models/pocket/model.safetensors",
  "dist/models/pocket/statistics.safetensors",
  "dist/worker.js",
  "dist/worker.js.map",
  "package.json",
];

async function files(): Promise<string[]> {
  const root = built("package");
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

const read = (name: string): Promise<string> => readFile(join(built("package"), name), "utf8");

test("the tarball has the files that are meant to be published, and no others", async () => {
  const all = await files();
  const isType = (name: string): boolean => name.endsWith(".d.ts");
  const isShared = (name: string): boolean => /^dist\/shared-[A-Z0-9]+\.js(\.map)?$/.test(name);
  expect(all.filter((name) => !isType(name) && !isShared(name))).toEqual(FILES);
  // Types of modules that there are; the worker's, which exports nothing, are written by hand.
  const strangers = all.filter(isType).filter((name) => !existsSync(join(repository, "web/src", name.slice("dist/".length).replace(/\.d\.ts$/, ".ts"))));
  expect(strangers).toEqual([]);
});

/** Of a file on jsDelivr, the network whose address the documented lines have. */
const NETWORK_LIMIT_BYTES = 20e6;

test("no file is too large for content delivery networks", async () => {
  for (const name of await files()) {
    const { size } = await stat(join(built("package"), name));
    expect(size, name).toBeLessThan(NETWORK_LIMIT_BYTES);
  }
});

test("no file tells where on a machine it was built", async () => {
  for (const name of (await files()).filter((name) => /\.(js|map|ts|json|md)$/.test(name))) {
    const text = await read(name);
    for (const place of [repository, built(""), "file:///"]) expect(text.includes(place), `${name} has ${place}`).toBe(false);
  }
});

test("source maps lead to sources that are in them", async () => {
  for (const name of (await files()).filter((name) => name.endsWith(".map"))) {
    const { sources, sourcesContent } = JSON.parse(await read(name)) as { sources: string[]; sourcesContent: string[] };
    expect(sources.filter((source) => !source.startsWith("../src/")), name).toEqual([]);
    expect(sourcesContent.filter((text) => typeof text !== "string" || text === ""), name).toEqual([]);
    expect(sourcesContent).toHaveLength(sources.length);
  }
});

test("the manifest is the one of the repository, without what only developers need", async () => {
  const manifest = JSON.parse(await read("package.json")) as Record<string, unknown>;
  const { scripts: _scripts, devDependencies: _devDependencies, ...expected } = JSON.parse(await readFile(join(repository, "web/package.json"), "utf8")) as Record<string, unknown>;
  expect(manifest).toEqual(expected);
  expect(manifest["version"]).toMatch(/^\d+\.\d+\.\d+(-[a-z0-9.]+)?$/);
  expect(await read("CHANGELOG.md"), "the changelog knows this version").toContain(`## ${String(manifest["version"])}`);
  for (const key of ["types", "unpkg", "jsdelivr"]) expect(existsSync(join(built("package"), String(manifest[key]))), key).toBe(true);
  for (const file of manifest["sideEffects"] as string[]) expect(existsSync(join(built("package"), file)), file).toBe(true);
});

test("the page's own code is small: what is large is loaded by the worker", async () => {
  const sizes = Object.fromEntries(await Promise.all((await files()).map(async (name) => [name, (await stat(join(built("package"), name))).size] as const)));
  const ofPage = Object.entries(sizes).filter(([name]) => /^dist\/(index|element|shared-\w+)\.js$/.test(name));
  expect(ofPage.reduce((sum, [, size]) => sum + size, 0)).toBeLessThan(250_000);
  expect(sizes["dist/worker.js"]).toBeLessThan(100_000);
});
