/** Slow answers: requests that wait until a test lets them go. */

import type { Page, Route } from "@playwright/test";

/** Holds back what the page and its workers ask for there; the returned function lets it go, to the server or to the given answer. */
export async function hold(page: Page, glob: string, answer?: Parameters<Route["fulfill"]>[0]): Promise<() => void> {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route(glob, async (route) => {
    await held;
    await (answer === undefined ? route.continue() : route.fulfill(answer));
  });
  return () => release();
}
