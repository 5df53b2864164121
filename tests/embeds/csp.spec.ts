/**
 * Strict Content-Security-Policies: the documented ones, to the letter, are enough. They have what the element needs and no more: its
 * styles need no directive, and a worker from the page's own server none beside `script-src`.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { LocalServer } from "../browser/local-server.js";
import type { Page } from "../browser/playwright.js";
import { HERE } from "./embeds.js";
import type { Content } from "./server.js";
import { expect, test, watchViolations, type AuthorSettings } from "./test.js";
import { Widget } from "./widget.js";

const PICTURE = join(HERE, "../../www/samples/bee.jpg");

/** A policy as the documentation shows it, one directive a line, with the semicolons between them. */
function policy(file: string): string[] {
  return readFileSync(join(HERE, "csp", file), "utf8").split("\n").filter((line) => line !== "");
}

function html(script: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>A strict page</title>
<link rel="icon" href="bee.jpg">
<script type="module" src="${script}"></script>
<h1>A strict page</h1>
<clip-ttl src="bee.jpg" labels="bee, ant, fly, spider, daisy"></clip-ttl>`;
}

/** Where browsers report violations, those in workers too, of which a page hears nothing. */
const REPORTS = "/violations";

function settings(script: string, directives: readonly string[], more: Readonly<Record<string, Content>> = {}): AuthorSettings {
  const contents: Record<string, Content> = {
    "/": { text: html(script) },
    "/bee.jpg": { file: PICTURE },
    [REPORTS]: { text: "" },
    ...more,
  };
  const policy = directives.join(" ");
  // What is enforced is the documented policy and nothing else; the same once more only reports.
  return { contents, headers: { "content-security-policy": policy, "content-security-policy-report-only": `${policy}; report-uri ${REPORTS}` } };
}

async function expectResult(page: Page, site: LocalServer): Promise<void> {
  const violations = await watchViolations(page);
  await page.goto(site.url);
  const widget = new Widget(page);
  await widget.run();
  expect(await widget.runButton.evaluate((button) => getComputedStyle(button).cursor), "the element has its styles").toBe("pointer");
  // A picture from the reader's device, which comes as a blob: and is shown all the same.
  await widget.host.locator("input[type=file]").setInputFiles({ name: "mine.jpg", mimeType: "image/jpeg", buffer: readFileSync(PICTURE) });
  await expect(widget.host).toContainText("mine.jpg, 818 × 818");
  expect(await violations()).toEqual([]);
  expect(site.requests).not.toContain(REPORTS);
}

test("the package from the page's own server: no blob:, nothing inline, no eval", async ({ page, built, author }) => {
  const site = await author(settings("clip-ttl/element.js", policy("policy.txt"), { "/clip-ttl/": { folder: built.dist } }));
  await expectResult(page, site);
});

test("the package from a CDN: workers from blob:", async ({ page, built, author }) => {
  const site = await author(settings(`https://cdn.jsdelivr.net/npm/clip-ttl@${built.version}/dist/element.js`, policy("policy-cdn.txt")));
  await expectResult(page, site);
});

test("without one of the parts, the element says what is missing", async ({ context, built, author, watch }) => {
  watch.allowError(/Content Security Policy|violates the following/);
  const own = policy("policy.txt");
  const cdn = policy("policy-cdn.txt");
  const fromOwn = ["clip-ttl/element.js", { "/clip-ttl/": { folder: built.dist } }] as const;
  const fromCdn = [`https://cdn.jsdelivr.net/npm/clip-ttl@${built.version}/dist/element.js`, {}] as const;
  const without = (directives: readonly string[], name: string, source: string): string[] =>
    directives.map((line) => (line.startsWith(name) ? line.replace(` ${source}`, "") : line));
  const cases: [string, readonly [string, Record<string, Content>], string[], RegExp][] = [
    ["wasm-unsafe-eval", fromOwn, without(own, "script-src", "'wasm-unsafe-eval'"), /it must allow 'wasm-unsafe-eval'/],
    ["connect-src", fromOwn, without(own, "connect-src", "'self'"), /can't be/],
    ["img-src", fromOwn, without(own, "img-src", "'self'"), /can't be shown/],
    ["blob:", fromCdn, without(cdn, "worker-src", "blob:"), /forbids workers from blob:/],
    ["worker-src of the CDN", fromCdn, without(cdn, "worker-src", cdn[2]?.split(" ")[1] ?? ""), /it can't be loaded from there/],
  ];
  for (const [what, [script, more], directives, words] of cases) {
    expect([own, cdn], what).not.toContainEqual(directives);
    const site = await author(settings(script, directives, more));
    const page = await context.newPage();
    await page.goto(site.url);
    await expect(page.locator("clip-ttl"), what).toContainText(words);
    // Chromium was seen to tell nothing of what a worker from a blob: address is refused, by report or on the console. That it is the policy
    // which refuses, the test above shows: with the whole one the same page works.
    if (what !== "worker-src of the CDN") await expect.poll(() => site.requests, what).toContain(REPORTS);
    await page.close();
  }
});
