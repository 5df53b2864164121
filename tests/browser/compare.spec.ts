/** The comparison: several methods on one picture, in the package and on its page. */

import { readFileSync } from "node:fs";

import type { Page, Request } from "@playwright/test";

import type { MethodDescription } from "../../web/src/index.js";
import { scrollsSideways, violations } from "./accessibility.js";
import { load, openBare } from "./bare.js";
import { hold } from "./hold.js";
import { expect, test, type Watch } from "./test.js";

const METHODS = JSON.parse(readFileSync(new URL("../../www/docs/methods.json", import.meta.url), "utf8")) as MethodDescription[];
const LABELS = ["sheep", "horse", "cow"];
/** Loading the engine and running it take longer on a machine that does other things. */
const PATIENCE_MS = 120_000;

/** As on a server that has no statistics: PromptAlign can't do without. */
async function withoutStatistics(page: Page, watch: Watch): Promise<void> {
  watch.allowError(/404.*statistics\.safetensors/);
  await page.route("**/statistics.safetensors", (route) => route.fulfill({ status: 404, body: "" }));
}

test("in JavaScript: the same views for all, outcomes as they come, one failure, and the list of methods", async ({ page, watch }) => {
  await withoutStatistics(page, watch);
  await openBare(page);
  await load(page);
  const { described, outcomes, report, zeroShot, stages, alone } = await page.evaluate(async (labels) => {
    const stages: string[] = [];
    const views = { views: 4, seed: 3 };
    const run = window.clip.compare("./samples/horses.jpg", labels, {
      ...views,
      methods: [{ method: "ttl", options: { rank: 4 } }, { method: "prompt-align" }, { method: "zero", options: { selection: 1 } }, { method: "ttl", options: { steps: 0 } }],
      onProgress: ({ stage }) => void stages.push(stage),
    });
    const outcomes = [];
    for await (const outcome of run) outcomes.push(outcome);
    const alone = await window.clip.adapt("./samples/horses.jpg", labels, { ...views, rank: 4 }).result;
    return { described: await window.clip.methods(), outcomes, report: await run.result, zeroShot: await run.zeroShot, stages, alone: alone.after };
  }, LABELS);
  expect(described, "www/docs/methods.json is what the engine says: write it anew with www/describe-methods.mjs").toEqual(METHODS);
  expect(report.outcomes).toEqual(outcomes);
  expect(report).toMatchObject({ model: "pocket", seed: 3, labels: LABELS, deviceName: "CPU" });
  expect(report.views).toHaveLength(4);
  expect(zeroShot).toEqual({ probabilities: report.before.map(({ probability }) => probability), entropy: report.beforeEntropy });
  expect([...new Set(stages)]).toEqual(expect.arrayContaining(["drawn", "encoding", "method", "step"]));

  const [ttl, align, zero, untouched] = outcomes;
  expect(outcomes.map(({ method, error }) => [method, error?.code ?? null])).toEqual([["ttl", null], ["prompt-align", "statistics-missing"], ["zero", null], ["ttl", null]]);
  expect(ttl?.options).toMatchObject({ rank: 4, steps: 1 });
  expect(ttl?.after, "as alone").toEqual(alone);
  expect(ttl?.steps).toHaveLength(1);
  expect(ttl?.backwardPasses).toBeGreaterThan(0);
  expect(zero).toMatchObject({ forwardPasses: 0, backwardPasses: 0 });
  expect(zero?.after.map(({ probability }) => Math.round(probability * 4) / 4), "shares of four votes").toEqual(zero?.after.map(({ probability }) => probability));
  for (const same of [align, untouched]) expect(same?.after).toEqual(report.before);

  const failures = await page.evaluate(async (labels) => {
    const codeOf = async (methods: unknown, signal?: AbortSignal): Promise<unknown> => {
      const options = { methods, views: 4, signal } as Parameters<typeof window.clip.compare>[2];
      return window.clip.compare("./samples/horses.jpg", labels, options).result.catch((error: { code?: unknown }) => error.code);
    };
    return [await codeOf([]), await codeOf(undefined), await codeOf([{ method: "zero" }], AbortSignal.abort())];
  }, LABELS);
  expect(failures).toEqual(["argument-invalid", "argument-invalid", "cancelled"]);
});

test("a model that doesn't ship is given its statistics, which must be its own", async ({ page }) => {
  await openBare(page);
  const answers = await page.evaluate(async (labels) => {
    // The shipped file as somebody's own: nothing is looked for beside it.
    const weights = await (await fetch("./clip-ttl/models/pocket/model.safetensors")).blob();
    const own = await (await fetch("./clip-ttl/models/pocket/statistics.safetensors")).arrayBuffer();
    const align = async (statistics?: ArrayBuffer | string): Promise<unknown> => {
      const clip = await window.clipTtl.ClipTtl.load({ model: { name: "mine", weights }, statistics, device: "cpu" });
      try {
        const { outcomes } = await clip.compare("./samples/horses.jpg", labels, { views: 4, methods: [{ method: "prompt-align" }] }).result;
        return outcomes[0]?.error?.code ?? outcomes[0]?.after[0]?.probability;
      } catch (error) {
        return (error as { code?: unknown }).code;
      } finally {
        clip.dispose();
      }
    };
    return { none: await align(), data: await align(own), address: await align("./clip-ttl/models/pocket/statistics.safetensors"), other: await align(own.slice(0, -4)) };
  }, LABELS);
  expect(answers).toMatchObject({ none: "statistics-missing", data: expect.any(Number), other: "statistics-invalid" });
  expect(answers.address).toBe(answers.data);
});

test("on the page: choose, run, read, link, and nothing that a screen reader can't use", async ({ page, watch }) => {
  await withoutStatistics(page, watch);
  await page.goto("./compare.html#picture=horses.jpg&labels=sheep,horse,%3Cb%3Ecow%3C/b%3E&views=4&seed=3&methods=zero,ttl&ttl.rank=4&ttl.steps=many&foo.bar=1");
  await expect(page.locator("#page-link-note")).toContainText("“ttl.steps=many” is not an option that TTL has");
  await expect(page.locator("#picture-caption")).toContainText("Wild horses");
  const methods = page.locator("#methods");
  const box = (name: string) => methods.getByRole("checkbox", { name, exact: true });
  await expect(box("ZERO")).toBeChecked();
  await expect(box("MTA")).not.toBeChecked();
  await box("PromptAlign").focus();
  await page.keyboard.press("Space");
  await expect.poll(() => new URLSearchParams(new URL(page.url()).hash.slice(1)).get("methods")).toBe("zero,ttl,prompt-align");
  expect(await violations(page)).toEqual([]);
  const { hash } = new URL(page.url());
  await page.getByRole("link", { name: /^Skip to/ }).focus();
  await page.keyboard.press("Enter");
  await expect.poll(() => new URL(page.url()).hash, "a jump within the page loses nothing").toBe(hash);
  await expect(box("PromptAlign")).toBeChecked();
  await expect(page.locator("#method-ttl-rank")).toHaveValue("4");

  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expect(page.locator("#status")).toHaveText(/^3 methods in .*; 1 method failed, and the table says why\.$/, { timeout: PATIENCE_MS });
  const rows = page.getByRole("table", { name: "Outcome of each method" }).getByRole("row");
  await expect(rows).toHaveCount(5);
  await expect(rows.nth(1)).toContainText("Zero-shot");
  await expect(rows.nth(2)).toContainText("ZERO");
  await expect(rows.nth(2)).toContainText("no pass of the views");
  await expect(rows.nth(3)).toContainText("backward");
  await expect(rows.nth(4)).toContainText("PromptAlign failed.");
  await expect(rows.nth(1).locator(".outcome-bars li")).toHaveCount(3);
  await expect(rows.nth(1).locator("b"), "labels are text").toHaveCount(0);
  await expect(page.locator("#agreement li").first()).toContainText(/[123] of 3/);
  expect(await violations(page)).toEqual([]);

  await page.setViewportSize({ width: 390, height: 800 });
  expect(await scrollsSideways(page), "scrolls sideways").toBe(false);
  await page.emulateMedia({ colorScheme: "dark" });
  expect(await violations(page)).toEqual([]);

  await page.reload();
  await expect(box("PromptAlign")).toBeChecked();
  await expect(page.locator("#method-ttl-rank")).toHaveValue("4");
  await page.getByRole("button", { name: "None", exact: true }).click();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expect(page.locator("#methods-problem")).toHaveText("Choose at least one method.");
  await box("TTL").check();
  await page.locator("#method-ttl-rank").evaluate((field) => ((field.closest("details") as HTMLDetailsElement).open = true));
  await page.locator("#method-ttl-rank").fill("none");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expect(page.locator("#method-ttl-rank")).toBeFocused();
  await expect(page.locator("#method-ttl-rank-problem")).toContainText("whole number from 1");
});

test("on the page: of several links in a row the last one counts, and the prompt that it leaves out is the usual one", async ({ page }) => {
  const isOwl = (request: Request): boolean => request.resourceType() === "fetch" && request.url().endsWith("/owl.webp");
  const release = await hold(page, "**/samples/owl.webp");
  const asked = page.waitForRequest(isOwl);
  await page.goto("./compare.html#picture=owl.webp&labels=owl,cat&template=a+drawing+of+a+{}&seed=many");
  await expect(page.locator("#template")).toHaveValue("a drawing of a {}");
  await asked;
  await page.goto("./compare.html#picture=horses.jpg&labels=sheep,horse&methods=zero&seed=3");
  await expect(page.locator("#picture-caption")).toContainText("Wild horses");
  await expect(page.locator("#template")).toHaveValue("a photo of a {}.");
  const late = page.waitForEvent("requestfinished", isOwl);
  release();
  await late;
  // By the time that the address says this, what has come late has been looked at.
  await page.locator("#shared-seed").fill("4");
  await expect.poll(() => new URL(page.url()).hash).toBe("#picture=horses.jpg&labels=sheep,horse&seed=4&methods=zero");
  await expect(page.locator("#page-link-note")).toBeHidden();
});

test("on the page: a comparison that is called off while the model loads stays called off when it is there", async ({ page }) => {
  const release = await hold(page, "**/model.safetensors");
  await page.goto("./compare.html#picture=horses.jpg&labels=sheep,horse&views=4&methods=zero");
  await expect(page.locator("#picture-caption")).toContainText("Wild horses");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expect(page.locator("#device")).toHaveText("Loading …");
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  release();
  await expect(page.locator("#device")).toHaveText(/^Running on/, { timeout: PATIENCE_MS });
  await expect(page.locator("#status")).toHaveText("Cancelled. What was there already is still here.");
});
