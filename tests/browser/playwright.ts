/** Playwright for the tests in folders beside this one: it is installed here. */

export * from "@playwright/test";
