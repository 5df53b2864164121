/** `<clip-ttl>` in Firefox, from an empty page to the result of a run. */

import { env } from "node:process";

import { expect, test } from "@playwright/test";
import type { Browser, Page } from "puppeteer-core";

import type { ClipTtlElement } from "../../../web/src/element/index.js";
import { hostPage, PATIENCE_MS, QUICK } from "../element-page.js";
import type { LocalServer } from "../local-server.js";
import { startFirefox } from "./firefox.js";
import { startHostServer } from "./host-server.js";

let browser: Browser;
let server: LocalServer;
let page: Page;
const errors: string[] = [];

test.beforeAll(async () => {
  const site = env["CLIP_TTL_SITE"];
  if (site === undefined) throw new Error("CLIP_TTL_SITE must be the address of the built site");
  server = await startHostServer(site, hostPage({ body: QUICK.replace("<clip-ttl", '<clip-ttl loading="manual" controls') }));
  browser = await startFirefox();
  page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.setDefaultNavigationTimeout(PATIENCE_MS);
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
});

test.afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** Presses a button of the element's by what is written on it. */
async function press(words: string): Promise<void> {
  const button = await page.waitForSelector(`clip-ttl >>> ::-p-aria([name="${words}"][role="button"])`);
  await button?.click();
}

/** The text of one of the element's parts. */
function textOf(part: string): Promise<string> {
  return page.$eval("clip-ttl", (element, part) => element.shadowRoot?.querySelector(`[part~="${part}"]`)?.textContent ?? "", part);
}

test("loads, runs, and shows the answer before and after", async () => {
  expect(await browser.version()).toMatch(/firefox/i);
  await page.goto(server.url);
  await page.waitForFunction(() => document.querySelector("clip-ttl")?.shadowRoot?.querySelector("canvas[aria-label='A tabby cat']") != null);
  await expect.poll(() => textOf("caption")).toContain("chelsea.png, 451 × 300");
  expect(server.requests.filter((path) => /worker\.js|\.wasm|models\//.test(path))).toEqual([]);

  await press("Run");
  await expect.poll(() => textOf("status")).toMatch(/1 update in .+ on the CPU\.$/);
  expect(await textOf("answer")).toMatch(/^The answer (stays|changed from) /);
  const result = await page.$eval("clip-ttl", (element) => {
    const { result } = element as ClipTtlElement;
    return result === null ? null : { labels: result.labels, views: result.views.length, steps: result.steps.length, device: result.device, after: result.after };
  });
  expect(result).toMatchObject({ labels: ["cat", "dog", "teapot"], views: 4, steps: 1, device: "cpu" });
  expect(result?.after.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 4);

  const rows = await page.$eval("clip-ttl", (element) => [...(element.shadowRoot?.querySelectorAll("[part=bars] tbody tr") ?? [])].map((row) => row.textContent ?? ""));
  expect(rows).toHaveLength(3);
  for (const row of rows) expect(row).toMatch(/\d%.*\d%/);
  expect(errors).toEqual([]);
});

test("its colours are those of the page's scheme, and it fits a small screen", async () => {
  await page.setViewport({ width: 320, height: 640 });
  const look = await page.$eval("clip-ttl", (element) => {
    const base = element.shadowRoot?.querySelector("[part=base]");
    if (!(base instanceof HTMLElement)) return null;
    const paper = (scheme: string): string => {
      document.documentElement.style.colorScheme = scheme;
      return getComputedStyle(base).backgroundColor;
    };
    const { scrollWidth, clientWidth } = document.documentElement;
    return { light: paper("light"), dark: paper("dark"), isTooWide: scrollWidth > clientWidth };
  });
  expect(look).toEqual({ light: "rgb(252, 252, 250)", dark: "rgb(22, 24, 26)", isTooWide: false });
  expect(errors).toEqual([]);
});
