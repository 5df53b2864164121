import { env } from "node:process";

import { defineConfig } from "@playwright/test";

import { CHROMIUM_ARGUMENTS, chromiumPath } from "./chromium.js";

/** `cargo xtask test` serves the site itself and says where; else the last build is served here. */
const served = env["CLIP_TTL_SITE"];
const PORT = 8179;
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
  timeout: 240_000,
  expect: { timeout: 30_000 },
  reporter: "list",
  use: {
    baseURL: served ?? `http://127.0.0.1:${PORT}/`,
    browserName: "chromium",
    headless: true,
    viewport: { width: 1280, height: 800 },
    screenshot: "only-on-failure",
    launchOptions: { args: CHROMIUM_ARGUMENTS, ...(executablePath === undefined ? {} : { executablePath }) },
  },
  ...(served === undefined
    ? {
        webServer: {
          command: `cargo xtask serve --no-build --port ${PORT}`,
          url: `http://127.0.0.1:${PORT}/`,
          reuseExistingServer: false,
          timeout: 120_000,
        },
      }
    : {}),
});
