/** The docs: for everybody, on every screen, and with no link that leads nowhere. */

import { readdirSync, statSync } from "node:fs";

import type { Page } from "@playwright/test";

import { ELEMENT_API } from "../../web/src/widget/api.js";
import { ERROR_CODES } from "../../web/src/errors.js";
import { scrollsSideways, violations } from "./accessibility.js";
import { expect, test } from "./test.js";

const SOURCES = new URL("../../www/docs/", import.meta.url);

/** Every page, from its source: one that was written but not built fails here. */
const PAGES = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".md") && statSync(new URL(name, SOURCES)).isFile())
  .map((name) => `docs/${name.replace(/\.md$/, ".html")}`)
  .concat("model-card.html", "comparison.html")
  .sort();

async function open(page: Page, address: string): Promise<void> {
  const response = await page.goto(address);
  expect(response?.status(), address).toBe(200);
}

for (const [name, width, colorScheme] of [
  ["phone", 320, "dark"],
  ["desktop", 1280, "light"],
] as const) {
  test(`can be read by everybody: ${name}, ${colorScheme}`, async ({ page }) => {
    test.setTimeout(300_000);
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    for (const address of PAGES) {
      await open(page, address);
      expect(await violations(page), address).toEqual([]);
      const scrolls = await scrollsSideways(page);
      expect(scrolls, `${address} scrolls sideways`).toBe(false);
    }
  });
}

test("every link within the site leads somewhere", async ({ page, request }) => {
  const asked = new Map<string, number>();
  for (const address of PAGES) {
    await open(page, address);
    const links = await page.locator("a[href]").evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).href));
    for (const link of links.filter((link) => new URL(link).origin === new URL(page.url()).origin)) {
      const [file = "", anchor = ""] = link.split("#");
      if (!asked.has(file)) asked.set(file, (await request.get(file)).status());
      expect(asked.get(file), `${address}: ${link}`).toBe(200);
      // Elsewhere what is behind "#" is a state, not a place.
      if (anchor !== "" && file === page.url().split("#")[0]) await expect(page.locator(`[id="${anchor}"]`), `${address}: ${link}`).toHaveCount(1);
    }
  }
  expect(asked.size).toBeGreaterThan(PAGES.length);
});

test("the model card and the comparison lead within themselves, to the docs and to plots", async ({ page }) => {
  await open(page, "model-card.html");
  await expect(page.getByRole("link", { name: "Calibration" })).toHaveAttribute("href", "#calibration");
  await open(page, "comparison.html");
  await expect(page.getByRole("link", { name: "what each does" })).toHaveAttribute("href", "docs/methods.html");
  await expect(page.getByRole("link", { name: "CIFAR-10", exact: true })).toHaveAttribute("href", "comparison/cifar-10/differences.svg");
  await expect(page.getByRole("link", { name: "model card" })).toHaveAttribute("href", "model-card.html");
});

test("say everything that there is: error codes, attributes, lessons", async ({ page }) => {
  await open(page, "docs/troubleshooting.html");
  for (const code of ERROR_CODES) await expect(page.locator(`#${code}`)).toHaveCount(1);
  await open(page, "docs/element.html");
  const table = page.getByRole("region", { name: "The element: attributes" });
  await expect(table.locator("tbody tr")).toHaveCount(ELEMENT_API.attributes.length);
  const hashesOf = (links: string): Promise<string[]> => page.locator(links).evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).hash));
  await open(page, "lesson.html");
  await expect(page.locator("#lesson-list a")).not.toHaveCount(0);
  const lessons = await hashesOf("#lesson-list a");
  await open(page, "docs/teaching.html");
  expect(await hashesOf("main h3 a")).toEqual(lessons);
});

test("show the very lines that the embed tests build", async ({ page }) => {
  await open(page, "docs/embedding.html");
  const { readFile } = await import("node:fs/promises");
  const blocks = await page.locator("pre code").allTextContents();
  for (const path of ["plain/snippet.html", "mdbook/snippet.md", "reveal/snippet.html", "iframe/snippet.html", "csp/policy.txt"]) {
    const lines = (await readFile(new URL(`../embeds/${path}`, import.meta.url), "utf8")).trimEnd();
    expect(blocks, path).toContain(lines);
  }
});
