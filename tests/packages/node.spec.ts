/** On a server: importing the package touches nothing that only browsers have. */

import { spawnSync } from "node:child_process";
import { execPath } from "node:process";

import { expect, test } from "../browser/playwright.js";

import { built } from "./built.js";

/** Runs a module in plain Node.js, where the package is installed; what it says is JSON. */
function inNode(script: string): unknown {
  const { stdout, stderr, status } = spawnSync(execPath, ["--input-type=module", "--eval", script], { cwd: built("vite"), encoding: "utf8" });
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  return JSON.parse(stdout);
}

test("the package can be imported where there is no browser", () => {
  const found = inNode(`
    for (const name of ["window", "document", "HTMLElement", "customElements", "Worker"]) {
      if (name in globalThis) throw new Error(name + " is there: this test shows nothing");
    }
    const main = await import("clip-ttl");
    const element = await import("clip-ttl/element");
    console.log(JSON.stringify({ main: Object.keys(main), element: Object.keys(element), methods: typeof main.ClipTtl.load }));
  `) as { main: string[]; element: string[]; methods: string };
  expect(found.main).toEqual(expect.arrayContaining(["ClipTtl", "ClipTtlError", "ERROR_CODES", "setAssetBase", "setWorkerUrl"]));
  expect(found.element).toEqual(expect.arrayContaining(["adoptViewStyles", "Bars", "EntropyPlot"]));
  expect(found.methods).toBe("function");
});

test("loading where there is no browser fails with an error that says so", () => {
  const found = inNode(`
    const { ClipTtl, ClipTtlError } = await import("clip-ttl");
    const error = await ClipTtl.load().catch((error) => error);
    console.log(JSON.stringify({ isClipTtlError: error instanceof ClipTtlError, code: error.code, message: error.message }));
  `);
  expect(found).toMatchObject({ isClipTtlError: true, code: "worker-failed", message: expect.stringContaining("in browsers only") });
});

test("every export leads to a file, and nothing else can be reached", () => {
  const found = inNode(`
    import { existsSync } from "node:fs";
    const resolve = (name) => {
      try {
        return existsSync(new URL(import.meta.resolve(name))) ? "there" : "missing";
      } catch (error) {
        return error.code;
      }
    };
    const names = ["", "/element", "/worker", "/clip_ttl_bg.wasm", "/clip_ttl_cpu_bg.wasm", "/models/pocket/model.safetensors", "/package.json", "/engine", "/dist/index.js"];
    console.log(JSON.stringify(Object.fromEntries(names.map((name) => [name, resolve("clip-ttl" + name)]))));
  `);
  expect(found).toEqual({
    "": "there",
    "/element": "there",
    "/worker": "there",
    "/clip_ttl_bg.wasm": "there",
    "/clip_ttl_cpu_bg.wasm": "there",
    "/models/pocket/model.safetensors": "there",
    "/package.json": "there",
    "/engine": "ERR_PACKAGE_PATH_NOT_EXPORTED",
    "/dist/index.js": "ERR_PACKAGE_PATH_NOT_EXPORTED",
  });
});
