/** Applications that install the package and are built by a bundler, as they would be put on a server; and Vite's development server. */

import { spawn } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { execPath } from "node:process";

import { expect, test } from "../browser/playwright.js";

import { expectResult, watch } from "./app-page.js";
import { built, serve } from "./built.js";

/** Each bundler, with the folder of its project that has what is to be put on a server. */
const BUNDLERS = [
  ["vite", "dist"],
  ["webpack", "public"],
] as const;

for (const [bundler, output] of BUNDLERS) {
  test(`built by ${bundler}, without any configuration for it, the package works`, async ({ page }) => {
    const site = await serve(join(built(bundler), output));
    try {
      const seen = watch(page, [site.url]);
      await page.goto(site.url);
      await expectResult(page);
      expect(seen).toEqual({ errors: [], requests: [] });
    } finally {
      await site.close();
    }
  });

  test(`built by ${bundler}, each engine and the model are there once, and no path of the machine that built it`, async () => {
    const folder = join(built(bundler), output);
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const large = await Promise.all(files.map(async (file) => ((await stat(file)).size > 2_000_000 ? [file.split(".").at(-1)] : [])));
    expect(large.flat().sort()).toEqual(["safetensors", "wasm", "wasm"]);
    for (const file of files.filter((name) => name.endsWith(".js"))) expect(await readFile(file, "utf8"), file).not.toContain("file:///");
  });
}

test("served by Vite's development server, without any configuration for it, the package works", async ({ page }) => {
  const port = await freePort();
  const project = built("vite");
  const server = spawn(execPath, [join(project, "node_modules/vite/bin/vite.js"), "--host", "127.0.0.1", "--port", String(port), "--strictPort"], {
    cwd: project,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.stdout.on("data", (text: Buffer) => (text.includes("Local") ? resolve() : undefined));
      server.once("exit", (code) => reject(new Error(`Vite ended with ${code}`)));
    });
    const url = `http://127.0.0.1:${port}/`;
    const seen = watch(page, [url]);
    await page.goto(url);
    await expectResult(page);
    expect(seen).toEqual({ errors: [], requests: [] });
  } finally {
    server.kill();
  }
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
