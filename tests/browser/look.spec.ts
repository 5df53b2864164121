/** How the page looks and whether everybody can use it: phone and desktop, light and dark, keyboard only. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import type { Page } from "@playwright/test";

import { Demo } from "./demo.js";
import { expect, test } from "./test.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SIZES = [
  { name: "phone", width: 390, height: 844 },
  { name: "desktop", width: 1280, height: 900 },
] as const;

/** What axe-core finds wrong, in a line each. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { target: unknown[] }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
  });
}

async function scrollsSideways(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
}

for (const { name, width, height } of SIZES) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`before, with an answer and with an error: ${name}, ${colorScheme}`, async ({ page }, info) => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const demo = new Demo(page);
      await demo.openReady();
      await demo.set("Views", 6);
      await demo.run();
      for (const state of ["answer", "error"] as const) {
        if (state === "error") {
          await demo.setLabels(["cat", "cat"]);
          await expect(demo.labelsProblem).toBeVisible();
        }
        await page.screenshot({ path: info.outputPath(`${state}.png`), fullPage: true });
        expect(await violations(page), state).toEqual([]);
        expect(await scrollsSideways(page), state).toBe(false);
      }
    });
  }
}

test("nothing is cut off on a screen of 320 pixels", async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 700 });
  await new Demo(page).openReady();
  expect(await scrollsSideways(page)).toBe(false);
});

test("from the first key to the result without a mouse, and the answer is announced", async ({ page }) => {
  const demo = new Demo(page);
  await demo.openReady();
  await demo.set("Views", 4);
  await demo.labels.focus();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("horse\nteapot\nlorry");
  await expect(page.locator("#labels-note")).toHaveText(/3 labels/);
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press("Tab");
    if (await demo.runButton.evaluate((button) => button === document.activeElement)) break;
  }
  await expect(demo.runButton).toBeFocused();
  await page.keyboard.press("Enter");
  await demo.done();
  expect((await demo.bars()).map(({ label }) => label).sort()).toEqual(["horse", "lorry", "teapot"]);
  await expect(demo.announcer).toContainText(/horse|teapot|lorry/);
});
