/** Where the repository's own files are, and how pages get them. */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Page } from "@playwright/test";

export const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
export const FIXTURES = join(REPOSITORY, "tests", "fixtures");

/** Lets a page, and its workers, fetch `./fixtures/...`: the recorded episodes and their models, which the site doesn't have. */
export async function offerFixtures(page: Page): Promise<void> {
  await page.route("**/fixtures/**", async (route) => {
    const path = new URL(route.request().url()).pathname.split("/fixtures/")[1] ?? "";
    await route.fulfill({ path: join(FIXTURES, decodeURIComponent(path)) });
  });
}
