import { env } from "node:process";

import { defineConfig } from "@playwright/test";

import { CHROMIUM_ARGUMENTS, chromiumPath } from "../chromium.js";

const executablePath = chromiumPath();

/** Of one model. A large one computes for many minutes; an engine that says nothing for long is given up before (`STALL_TIMEOUT_MS`). */
const TIMEOUT_MS = 2 * 60 * 60 * 1000;

/** The benchmark, which is none of the tests: its files have another ending than theirs, so that neither finds the other's. */
export default defineConfig({
  testDir: ".",
  testMatch: "*.bench.ts",
  workers: 1,
  fullyParallel: false,
  retries: 0,
  timeout: TIMEOUT_MS,
  reporter: "list",
  use: {
    // `cargo xtask bench` serves the site and says where.
    baseURL: env["CLIP_TTL_SITE"] ?? "",
    launchOptions: { args: CHROMIUM_ARGUMENTS, headless: true, ...(executablePath === undefined ? {} : { executablePath }) },
  },
});
