/** `<clip-ttl>` in other people's pages: from nothing to a result, by mouse, keyboard and script. */

import { readFileSync } from "node:fs";

import type { Page } from "@playwright/test";

import type { MethodDescription } from "../../web/src/index.js";
import { violations } from "./accessibility.js";
import { ClipTtlPage, openHost, QUICK } from "./element-page.js";
import { CHELSEA, HORSES } from "./pictures.js";
import { forgetShifts, shiftsOf, watchShifts } from "./shifts.js";
import { tasksDuring } from "./tasks.js";
import { expect, test } from "./test.js";

/** What belongs to the engine and its model. */
const ENGINE = /worker\.js|clip_ttl|\.wasm|models\//;

/** Collects the requests for the engine's files. */
function engineRequests(page: Page): string[] {
  const asked: string[] = [];
  page.context().on("request", (request) => {
    if (ENGINE.test(new URL(request.url()).pathname)) asked.push(request.url());
  });
  return asked;
}

test("by keyboard alone from a page to the result; nothing moves, and everything that matters is said", async ({ page }) => {
  await watchShifts(page);
  await openHost(page, { body: `<p><a href="#here">A link</a></p>${QUICK}<p>Text below.</p>` });
  const widget = new ClipTtlPage(page);
  await widget.pictured();
  await widget.compared();
  await forgetShifts(page);
  await page.evaluate(() => {
    const said: string[] = [];
    Object.assign(window, { said });
    const region = document.querySelector("clip-ttl")?.shadowRoot?.querySelector("[role=status]");
    if (region != null) new MutationObserver(() => said.push(region.textContent ?? "")).observe(region, { childList: true, characterData: true, subtree: true });
  });

  await page.getByRole("link", { name: "A link" }).focus();
  await page.keyboard.press("Tab");
  await expect(widget.button("Change picture")).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(widget.labels).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(widget.button("Run")).toBeFocused();
  await page.keyboard.press("Enter");
  await widget.done();
  await expect(widget.button("Run")).toBeFocused();

  const said = await page.evaluate(() => Reflect.get(window, "said") as string[]);
  expect(said).toHaveLength(2);
  expect(said[0]).toBe("Adapting.");
  expect(said[1]).toMatch(/^The answer (stays|changed from) .+ after 1 update\. The entropy of the prediction went from [\d.]+ to [\d.]+ nats\.$/);
  // Rows change places within the table; around them nothing does.
  expect(await shiftsOf(page)).toEqual([]);

  const shares = await widget.shares();
  expect(shares.map(([label]) => label).sort()).toEqual(["cat", "dog", "teapot"]);
  for (const [, before, after] of shares) {
    expect(before).toMatch(/%$/);
    expect(after).toMatch(/%$/);
  }

  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(widget.button("Reset")).toBeFocused();
  await page.keyboard.press("Space");
  await expect(widget.announcer).toHaveText("Back to the answer before adapting.");
  await expect(widget.answer).toHaveText(/^Before adapting/);
});

test("far below nothing of the engine is fetched; near the view it is, and answers", async ({ page }) => {
  const asked = engineRequests(page);
  await openHost(page, { body: `<div style="height: 6000px">A long text.</div>${QUICK}` });
  const widget = new ClipTtlPage(page);
  await expect(widget.button("Run")).toBeAttached();
  await page.evaluate(() => new Promise((resolve) => requestIdleCallback(resolve)));
  expect(asked).toEqual([]);
  await widget.element.scrollIntoViewIfNeeded();
  await widget.compared();
  expect(asked.some((url) => url.endsWith(".wasm"))).toBe(true);
});

test("a manual one waits until it is used; its methods and events tell a script everything", async ({ page }) => {
  const asked = engineRequests(page);
  await openHost(page, { body: QUICK.replace("<clip-ttl", '<clip-ttl loading="manual" steps="2" seed="3"') });
  const widget = new ClipTtlPage(page);
  await widget.pictured();
  expect(asked).toEqual([]);
  const told = await page.evaluate(async () => {
    const element = document.querySelector("clip-ttl");
    if (element === null) throw new Error("no element");
    const phases = new Set<string>();
    const shares: number[] = [];
    const steps: number[] = [];
    const results: string[] = [];
    // Events leave the element and bubble up to the page.
    document.addEventListener("result", (event) => results.push((event.target as Element).localName));
    element.addEventListener("progress", ({ detail }) => {
      phases.add(detail.phase);
      if (detail.phase === "run" && detail.share !== null) shares.push(detail.share);
    });
    element.addEventListener("step", ({ detail }) => steps.push(detail.step.step, detail.steps, detail.labels.length));
    const report = await element.run();
    return { phases: [...phases], shares, steps, results, isSame: report === element.result, seed: report.seed, views: report.views.length };
  });
  expect(told).toMatchObject({ phases: ["load", "run"], steps: [1, 2, 3, 2, 2, 3], results: ["clip-ttl"], isSame: true, seed: 3, views: 4 });
  expect(told.shares).toEqual([...told.shares].sort((a, b) => a - b));
  expect(told.shares.at(-1)).toBe(1);

  // In the midst of the run, when its steps are known already; and after it was begun once more there.
  for (const begins of [1, 2]) {
    const ends = await widget.evaluate(
      async (element, begins) => {
        const before = element.result;
        const underWay = (): Promise<void> =>
          new Promise((resolve) => {
            const onStep = (): void => {
              element.removeEventListener("step", onStep);
              resolve();
            };
            element.addEventListener("step", onStep);
          });
        const codes: Promise<string>[] = [];
        for (let begun = 0; begun < begins; begun += 1) {
          codes.push(
            element.run().then(
              () => "finished",
              (error: { readonly code: string }) => error.code,
            ),
          );
          await underWay();
        }
        const during = element.result;
        element.cancel();
        return { codes: await Promise.all(codes), during, isBack: element.result === before };
      },
      begins,
    );
    expect(ends).toEqual({ codes: Array.from({ length: begins }, () => "cancelled"), during: null, isBack: true });
    // The result from before is there again.
    await expect(widget.answer).toHaveText(/after 2 updates\.$/);
    expect(await widget.evaluate((element) => element.result?.steps.length)).toBe(2);
  }

  const failure = await widget.evaluate(async (element) => {
    const details: string[] = [];
    element.addEventListener("error", ({ detail }) => details.push(detail.code));
    element.labels = ["one"];
    return [...details, await element.run().catch((error: { code: string }) => error.code), ...details];
  });
  expect(failure).toEqual(["labels-too-few", "labels-too-few"]);
  await expect(widget.labels).toHaveAccessibleDescription(/at least two labels/);
});

test("every method runs, with what it has of the attributes and the controls; what a script gives must be the method's own", async ({ page }) => {
  const methods = JSON.parse(readFileSync(new URL("../../www/docs/methods.json", import.meta.url), "utf8")) as MethodDescription[];
  await openHost(page, { body: QUICK.replace("<clip-ttl", '<clip-ttl controls loading="manual" steps="2"') });
  const widget = new ClipTtlPage(page);
  await widget.pictured();
  await widget.element.getByText("Settings").click();
  await widget.element.getByRole("textbox", { name: "Alpha" }).fill("8");
  const run = (method: string) =>
    widget.evaluate(async (element, method) => {
      const shares: number[] = [];
      const failures: string[] = [];
      const abort = new AbortController();
      const { signal } = abort;
      element.addEventListener("progress", ({ detail }) => detail.phase === "run" && detail.share !== null && shares.push(detail.share), { signal });
      element.addEventListener("error", ({ detail }) => failures.push(detail.message), { signal });
      element.method = method;
      const report = await element.run().catch(() => null);
      abort.abort();
      return { failures, method: report?.method, steps: report?.steps.length, options: { ...report?.options } as Readonly<Record<string, unknown>>, shares };
    }, method);
  for (const { name, options } of methods) {
    const { failures, method, steps, options: used, shares } = await run(name);
    expect({ failures, method }, name).toEqual({ failures: [], method: name });
    await widget.done();
    await expect(widget.problem, name).toBeHidden();
    const has = (option: string): boolean => options.some((entry) => entry.name === option);
    if (has("steps")) expect(steps, name).toBe(2);
    else expect(steps, name).toBeGreaterThan(0);
    expect(used["alpha"], name).toBe(has("alpha") ? 8 : undefined);
    expect(used["views"], name).toBe(4);
    expect([Math.max(...shares), shares.at(-1)], name).toEqual([1, 1]);
  }
  await widget.evaluate((element) => void (element.options = { alpha: 8 }));
  const { failures, method } = await run("zero");
  expect(method).toBeUndefined();
  expect(failures).toHaveLength(1);
  expect(failures[0]).toMatch(/^Alpha: there is no such setting/);
});

test("attributes are heeded at any time, and are properties", async ({ page }) => {
  await openHost(page, { body: QUICK.replace("<clip-ttl", '<clip-ttl loading="manual"') });
  const widget = new ClipTtlPage(page);
  await widget.pictured();
  const properties = await widget.evaluate((element) => {
    element.setAttribute("labels", "things");
    element.views = 6;
    element.hide = ["plot", "device"];
    element.setAttribute("steps", "many");
    const { labels, views, steps, hide, src, seed, loading, controls, autorun } = element;
    return { labels: labels.length, views, viewsAttribute: element.getAttribute("views"), steps, hide, src, seed, loading, controls, autorun };
  });
  const src = new URL("samples/chelsea.png", page.url()).href;
  expect(properties).toEqual({ labels: 10, views: 6, viewsAttribute: "6", steps: 1, hide: ["device", "plot"], src, seed: 0, loading: "manual", controls: false, autorun: false });
  await expect(widget.rows).toHaveCount(10);
  await expect(widget.views).toHaveCount(6);
  await expect(widget.element.locator("[part=plot-section]")).toBeHidden();
  await expect(widget.element.locator("[part=settings]")).toBeHidden();
  await widget.evaluate((element) => {
    element.controls = true;
    element.src = "./samples/horses.jpg";
    element.alt = "Horses";
  });
  await expect(widget.element.getByRole("img", { name: "Horses" })).toBeVisible();
  await widget.element.getByText("Settings").click();
  await widget.element.getByRole("textbox", { name: "Steps" }).fill("4");
  expect(await widget.evaluate((element) => [element.steps, element.getAttribute("steps")])).toEqual([4, "4"]);
  await widget.evaluate((element) => element.setAttribute("lang", "ja"));
  await expect(widget.element.getByRole("button", { name: "実行" })).toBeVisible();
  await expect(widget.element.getByRole("textbox", { name: "ステップ数" })).toHaveValue("4");
});

test("pictures are dropped, pasted, chosen, and given by script; what is none says so and changes nothing", async ({ page }) => {
  await openHost(page, { body: `<clip-ttl labels="cat, dog" loading="manual"></clip-ttl><textarea aria-label="Elsewhere"></textarea>` });
  const widget = new ClipTtlPage(page);
  const caption = widget.element.locator("[part=caption]");
  const transfer = (file: Buffer, name: string, type: string) =>
    page.evaluateHandle(
      ({ bytes, name, type }) => {
        const data = new DataTransfer();
        data.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], name, { type }));
        return data;
      },
      { bytes: file.toString("base64"), name, type },
    );

  const chooser = page.waitForEvent("filechooser");
  await widget.button("Choose a picture").press("Enter");
  await (await chooser).setFiles({ name: "chosen.png", mimeType: "image/png", buffer: CHELSEA });
  await expect(caption).toHaveText("chosen.png, 451 × 300");

  await widget.element.locator("[part=drop-zone]").dispatchEvent("drop", { dataTransfer: await transfer(HORSES, "dropped.jpg", "image/jpeg") });
  await expect(caption).toHaveText("dropped.jpg, 530 × 530");
  await expect(widget.announcer).toHaveText("New picture: dropped.jpg.");

  // Into the element that was used last, unless somebody writes elsewhere.
  const paste = await transfer(CHELSEA, "pasted.png", "image/png");
  const pasteInto = (selector: string): Promise<void> =>
    paste.evaluate((clipboardData, selector) => {
      document.querySelector(selector)?.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, composed: true, cancelable: true }));
    }, selector);
  await pasteInto("textarea");
  await expect(caption).toHaveText("dropped.jpg, 530 × 530");
  await pasteInto("body");
  await expect(caption).toHaveText("pasted.png, 451 × 300");
  // Spreadsheets copy cells as text, with a picture of them beside it.
  const isLeftToField = await paste.evaluate((clipboardData) => {
    const cells = new DataTransfer();
    for (const file of clipboardData.files) cells.items.add(new File([file], "cells.png", { type: file.type }));
    cells.setData("text/plain", "cat\ndog");
    const field = document.querySelector("clip-ttl")?.shadowRoot?.querySelector("textarea");
    return field?.dispatchEvent(new ClipboardEvent("paste", { clipboardData: cells, bubbles: true, composed: true, cancelable: true }));
  });
  expect(isLeftToField).toBe(true);
  await expect(caption).toHaveText("pasted.png, 451 × 300");

  await widget.element.locator("[part=drop-zone]").dispatchEvent("drop", { dataTransfer: await transfer(Buffer.from("a letter"), "letter.png", "image/png") });
  await expect(widget.problem).toContainText("letter.png");
  await expect(caption).toHaveText("pasted.png, 451 × 300");

  await widget.evaluate(async (element) => {
    element.image = new ImageData(20, 10);
  });
  await expect(caption).toHaveText("20 × 10");
  await expect(widget.problem).toBeHidden();
});

test("an <img> of the author's is a picture too, with its words", async ({ page }) => {
  await openHost(page, {
    body: `<clip-ttl labels="cat, dog" loading="manual" views="4"><h2 slot="title">A cat?</h2><img slot="picture" src="./samples/chelsea.png" alt="A cat's face"><span slot="caption">By a friend</span><p slot="footer">The end.</p></clip-ttl>`,
  });
  const widget = new ClipTtlPage(page);
  await widget.pictured();
  await expect(widget.element.getByRole("img", { name: "A cat's face" }).first()).toBeVisible();
  for (const words of ["A cat?", "By a friend", "The end."]) await expect(page.getByText(words)).toBeVisible();
  await widget.run();
});

test("a picture that a script gives has the words of its <img>, else those of alt; one that a person gives has none of the author's", async ({ page }) => {
  await openHost(page, { body: `<clip-ttl labels="cat, dog" loading="manual" alt="A tabby cat"></clip-ttl>` });
  const widget = new ClipTtlPage(page);
  const shown = (name: string) => widget.element.getByRole("img", { name, exact: true });
  await widget.evaluate((element) => void (element.image = new ImageData(20, 10)));
  await expect(shown("A tabby cat")).toBeVisible();
  await widget.evaluate((element) => (element.alt = "Another cat"));
  await expect(shown("Another cat")).toBeVisible();
  await widget.evaluate((element) => void (element.image = Object.assign(new Image(), { src: "./samples/horses.jpg", alt: "Horses" })));
  await expect(shown("Horses")).toBeVisible();
  const chooser = page.waitForEvent("filechooser");
  await widget.button("Change picture").click();
  await (await chooser).setFiles({ name: "chosen.png", mimeType: "image/png", buffer: CHELSEA });
  await expect(shown("Your picture: chosen.png")).toBeVisible();
});

test("a compact one shows a caption of the author's, which may be a credit, and none of its own", async ({ page }) => {
  const compact = `compact loading="manual" src="./samples/chelsea.png"`;
  await openHost(page, { body: `<clip-ttl ${compact}><span slot="caption">By a friend</span></clip-ttl><clip-ttl id="plain" ${compact}></clip-ttl>` });
  await new ClipTtlPage(page).pictured();
  await expect(page.getByText("By a friend")).toBeVisible();
  const plain = new ClipTtlPage(page, "#plain");
  await plain.pictured();
  await expect(plain.element.getByText("chelsea.png")).toBeHidden();
});

test("a recorded run is shown without the engine, until somebody interacts", async ({ page }) => {
  const asked = engineRequests(page);
  await openHost(page, { body: QUICK.replace("<clip-ttl", '<clip-ttl loading="manual"') });
  const recorder = new ClipTtlPage(page);
  await recorder.pictured();
  const report = await recorder.evaluate((element) => element.run());
  const recording = { ...report, picture: "./samples/chelsea.png", alt: "A recorded cat" };
  await page.route("**/recorded.json", (route) => route.fulfill({ json: recording }));
  asked.length = 0;

  await openHost(page, { body: `<clip-ttl poster="./recorded.json" autorun device="cpu"></clip-ttl>` });
  const widget = new ClipTtlPage(page);
  await expect(widget.status).toHaveText("A recorded run. Press Run to compute it here.");
  await expect(widget.element.getByRole("img", { name: "A recorded cat" })).toBeVisible();
  await expect(widget.answer).toHaveText(/after 1 update\.$/);
  const recorded = await widget.shares();
  await expect(widget.views).toHaveCount(4);
  expect(asked).toEqual([]);
  expect(await widget.evaluate((element) => element.result)).toBeNull();

  // The same seed on the same device gives the same answer.
  await widget.run();
  expect(await widget.shares()).toEqual(recorded);
  expect(asked.some((url) => url.endsWith(".wasm"))).toBe(true);
});

test("with forced colours, a small screen, light and dark: nothing is wrong for anybody", async ({ page }, info) => {
  await openHost(page, { body: `${QUICK.replace("<clip-ttl", "<clip-ttl controls")}<p>Text below.</p>` });
  const widget = new ClipTtlPage(page);
  await widget.pictured();
  await widget.run();
  await widget.element.getByText("Settings").click();
  for (const width of [320, 390, 1280]) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.screenshot({ path: info.outputPath(`${width}-${colorScheme}.png`), fullPage: true });
      if (width !== 390) expect(await violations(page), `${width} ${colorScheme}`).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth)).toBe(true);
    }
  }
  await page.emulateMedia({ forcedColors: "active" });
  const seen = await widget.evaluate((element) => {
    const root = element.shadowRoot;
    const colours = (selector: string): string[] => [...(root?.querySelectorAll(selector) ?? [])].map((fill) => getComputedStyle(fill).backgroundColor);
    return { backdrop: getComputedStyle(document.body).backgroundColor, fills: [...colours(".ct-bars-fill"), ...colours(".ct-views-fill")] };
  });
  expect(seen.fills.length).toBeGreaterThan(6);
  for (const colour of seen.fills) expect([seen.backdrop, "rgba(0, 0, 0, 0)"]).not.toContain(colour);
});

test("the page's own thread never works for long while an engine is loaded and a run goes on", async ({ page, browser }) => {
  await openHost(page, { body: QUICK.replace("<clip-ttl", '<clip-ttl loading="manual"') });
  const widget = new ClipTtlPage(page);
  await widget.pictured();
  const tasks = await tasksDuring(browser, page, () => widget.run());
  expect(tasks.length).toBeGreaterThan(100);
  expect(Math.max(...tasks)).toBeLessThan(100);
});
