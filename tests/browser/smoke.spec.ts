/** The page as it is before anybody does anything. */

import { expect, expectWebGpuAdapter, test } from "./test.js";

test("the page opens with a heading and a title", async ({ page }) => {
  const response = await page.goto("./");
  expect(response?.status()).toBe(200);
  await expect(page).toHaveTitle(/clip-ttl/);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
});

test("the module is served so that browsers compile it while it loads", async ({ request }) => {
  const response = await request.head("clip-ttl/clip_ttl_bg.wasm");
  expect(response.status()).toBe(200);
  expect(response.headers()["content-type"]).toBe("application/wasm");
});

test("this browser has a WebGPU adapter, so that tests on WebGPU mean something", async ({ page }) => {
  await page.goto("./");
  await expectWebGpuAdapter(page);
});
