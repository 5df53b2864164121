import { env } from "node:process";

import { defineConfig } from "../browser/playwright.js";

import { CHROMIUM_ARGUMENTS, chromiumPath } from "../browser/chromium.js";

const executablePath = chromiumPath();

export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.ts",
  // One page at a time: each of them computes as fast as the machine can.
  workers: 1,
  fullyParallel: false,
  // A test that passes only at the second try is not one to rely on.
  retries: 0,
  forbidOnly: env["CI"] !== undefined,
  timeout: 300_000,
  expect: { timeout: 240_000 },
  reporter: "list",
  use: {
    browserName: "chromium",
    headless: true,
    viewport: { width: 1280, height: 800 },
    screenshot: "only-on-failure",
    launchOptions: { args: CHROMIUM_ARGUMENTS, ...(executablePath === undefined ? {} : { executablePath }) },
  },
});
