import { defineConfig } from "@playwright/test";

/**
 * Firefox as people have it, driven by WebDriver BiDi, which Playwright's own Firefox isn't: this runner only runs and counts the tests.
 * Their files have another ending than the others', so that neither finds the other's.
 */
export default defineConfig({
  testDir: ".",
  testMatch: "*.firefox.ts",
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: process.env["CI"] !== undefined,
  timeout: 240_000,
  expect: { timeout: 120_000 },
  reporter: "list",
});
