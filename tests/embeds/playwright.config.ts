/** Opens the built embed pages. The variable `CLIP_TTL_EMBEDS` names the folder that `build.mjs` has written. */

import { defineConfig } from "../browser/playwright.js";

import { CHROMIUM_ARGUMENTS, chromiumPath } from "../browser/chromium.js";

const executablePath = chromiumPath();

export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.ts",
  // One page at a time: each of them computes as fast as the machine can.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: process.env["CI"] !== undefined,
  timeout: 240_000,
  expect: { timeout: 90_000 },
  reporter: "list",
  use: {
    browserName: "chromium",
    headless: true,
    viewport: { width: 1280, height: 800 },
    screenshot: "only-on-failure",
    launchOptions: { args: CHROMIUM_ARGUMENTS, ...(executablePath === undefined ? {} : { executablePath }) },
  },
});
