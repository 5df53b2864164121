/** A page with nothing on it but the package, as a developer would import it. */

import type { Page } from "@playwright/test";

import type * as Package from "../../web/src/index.js";

declare global {
  interface Window {
    /** The package's exports. */
    clipTtl: typeof Package;
    /** What `load` has loaded. */
    clip: Package.ClipTtl;
  }
}

const HTML = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>bare</title>
<link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "clip-ttl": "./clip-ttl/index.js" } }</script>
<script type="module">
  window.clipTtl = await import("clip-ttl");
</script>
`;

/** Opens the page; `window.clipTtl` is the package. */
export async function openBare(page: Page): Promise<void> {
  await page.route("**/bare.html", (route) => route.fulfill({ contentType: "text/html", body: HTML }));
  await page.goto("./bare.html");
  await page.waitForFunction(() => window.clipTtl !== undefined);
}

/** Loads the pocket model; `window.clip` is what was loaded. */
export async function load(page: Page, device: "auto" | "webgpu" | "cpu" = "cpu"): Promise<void> {
  await page.evaluate(async (device) => {
    window.clip = await window.clipTtl.ClipTtl.load({ device });
  }, device);
}

/** Runs a script in each worker of the page before the worker's own. */
export async function beforeWorker(page: Page, script: string): Promise<void> {
  await page.route("**/clip-ttl/worker.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${script}\n${await response.text()}` });
  });
}
