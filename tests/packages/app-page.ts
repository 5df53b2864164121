/** The page of `app/app.js`, and what a person sees on it. */

import { expect, type FrameLocator, type Page } from "../browser/playwright.js";

/** Nothing but errors that a test announces may be reported, and nothing asked for anywhere but at the given origins. */
export interface Watch {
  readonly errors: string[];
  readonly requests: string[];
}

/** To be called before the page is opened. */
export function watch(page: Page, origins: readonly string[]): Watch {
  const seen: Watch = { errors: [], requests: [] };
  page.on("console", (message) => {
    if (message.type() === "error") seen.errors.push(message.text());
  });
  page.on("pageerror", (error) => seen.errors.push(`uncaught: ${error.message}`));
  page.context().on("request", (request) => {
    const url = request.url();
    if (/^https?:/.test(url) && !origins.some((origin) => url.startsWith(origin))) seen.requests.push(url);
  });
  return seen;
}

/** Waits for the end of the run, and checks what it says: a kitten is a cat, before and after. */
export async function expectResult(page: Page | FrameLocator): Promise<void> {
  await expect(page.locator("#status")).toHaveText(/^Done$|:/);
  expect(await page.locator("#status").innerText()).toBe("Done");
  for (const list of ["#before", "#after", "#by-element"]) {
    const items = page.locator(`${list} li`);
    await expect(items).toHaveCount(3);
    await expect(items.first()).toHaveText(/^a cat: [0-9.]+ %$/);
    const shares = (await items.allTextContents()).map((text) => Number(/: ([0-9.]+) %$/.exec(text)?.[1]));
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 0);
  }
  expect(await page.locator("#by-element").innerText(), "the same seed, the same result").toBe(await page.locator("#after").innerText());
  await expect(page.locator("clip-ttl").getByText("a cat").first()).toBeVisible();
  expect(await page.locator("#after").innerText(), "the adaptation has changed something").not.toBe(await page.locator("#before").innerText());
}
