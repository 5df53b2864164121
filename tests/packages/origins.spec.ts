/** Pages without a build step that get the package from another origin: workers can't be constructed from there, and still it works. */

import type { LocalServer } from "../browser/local-server.js";
import { expect, test } from "../browser/playwright.js";

import { expectResult, watch } from "./app-page.js";
import { built, serve } from "./built.js";

/** A content delivery network: every site may read what is there. */
let network: LocalServer;
test.beforeAll(async () => {
  network = await serve(built("package"), { headers: { "access-control-allow-origin": "*" } });
});
test.afterAll(() => network.close());

/** A site with the pages of `plain/`, which import the package from the network. */
function site(headers: Record<string, string> = {}): Promise<LocalServer> {
  return serve(built("plain"), { headers, words: { PACKAGE: network.url.slice(0, -1) } });
}

/** All that a page needs, and no more. What a worker imports is checked against `worker-src` as well. */
function strictPolicy(): string {
  const origin = network.url.slice(0, -1);
  return [
    "default-src 'none'",
    `script-src 'self' ${origin} 'nonce-once' 'wasm-unsafe-eval'`,
    `worker-src 'self' ${origin}`,
    `connect-src 'self' ${origin}`,
    "img-src 'self' data:",
  ].join("; ");
}

test("a module script may come from another origin", async ({ page }) => {
  const own = await site();
  try {
    const seen = watch(page, [own.url, network.url]);
    await page.goto(own.url);
    await expectResult(page);
    expect(seen).toEqual({ errors: [], requests: [] });
    expect(network.requests).toContain("/dist/models/pocket/model.safetensors");
    expect([...new Set(own.requests)].sort()).toEqual(["/", "/app.js", "/kitten.webp"]);
  } finally {
    await own.close();
  }
});

test("where workers from blob: addresses are forbidden, the error says so and what to do", async ({ page }) => {
  const own = await site({ "content-security-policy": strictPolicy() });
  try {
    await page.goto(own.url);
    await expect(page.locator("#status")).toHaveText(/^worker-failed: .*Content-Security-Policy.*blob:.*setWorkerUrl/);
  } finally {
    await own.close();
  }
});

test("where workers from blob: addresses are forbidden, a worker of the page's own imports the package's", async ({ page }) => {
  const own = await site({ "content-security-policy": strictPolicy() });
  try {
    const seen = watch(page, [own.url, network.url]);
    await page.goto(`${own.url}own-worker.html`);
    await expectResult(page);
    expect(seen).toEqual({ errors: [], requests: [] });
    // The element keeps its engine; that of the application is disposed of.
    expect(page.workers().map((worker) => worker.url())).toEqual([`${own.url}clip-ttl-worker.js`]);
    expect(own.requests).toContain("/clip-ttl-worker.js");
  } finally {
    await own.close();
  }
});

test("a frame without an origin of its own may get the package from another origin", async ({ page }) => {
  const own = await site({ "access-control-allow-origin": "*" });
  try {
    const seen = watch(page, [own.url, network.url]);
    await page.goto(`${own.url}frame.html`);
    await expectResult(page.frameLocator("iframe"));
    expect(seen).toEqual({ errors: [], requests: [] });
  } finally {
    await own.close();
  }
});

test("a package that can't be reached is named", async ({ page }) => {
  const own = await site();
  try {
    await page.route("**/dist/worker.js", (route) => route.abort());
    await page.goto(own.url);
    await expect(page.locator("#status")).toHaveText(/^worker-failed: .*\/dist\/worker\.js.*can't be loaded from there/);
  } finally {
    await own.close();
  }
});
