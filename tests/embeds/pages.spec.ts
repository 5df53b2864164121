/** Pages of other people's tools, as their readers see them. */

import { join } from "node:path";

import type { LocalServer } from "../browser/local-server.js";
import type { Page } from "../browser/playwright.js";
import { expect, test, type Built } from "./test.js";
import { Widget } from "./widget.js";

const LABELS = ["bee", "ant", "fly", "spider", "daisy"];

/** What is asked of the package's server before an element is near the view: its code, and what that shares with index.js. */
const CODE = /\/(element|shared-\w+)\.js$/;

function contents(built: Built, name: string): { contents: Record<string, { folder: string }> } {
  return { contents: { "/": { folder: join(built.pages, name) } } };
}

/** Requests since a moment, by the last part of their paths. */
function since(server: LocalServer, start: number): string[] {
  return server.requests.slice(start).map((path) => path.split("/").at(-1) ?? "");
}

/** The look of everything that is the page's own, element by element. */
function look(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const names = ["color", "background", "font", "margin", "padding", "border", "border-radius", "display", "text-transform", "letter-spacing", "opacity", "position"];
    return [...document.querySelectorAll("body, body *")]
      .filter((element) => element.closest("clip-ttl, script, style") === null && element.checkVisibility())
      .map((element) => {
        const style = getComputedStyle(element);
        // reveal.js highlights its arrows until they are used for the first time.
        const classes = [...element.classList].filter((name) => name !== "highlight").join(" ");
        return `${element.localName}.${classes}: ${names.map((name) => style.getPropertyValue(name)).join("; ")}`;
      });
  });
}

/** Names of what is global in a page. */
function globals(page: Page): Promise<string[]> {
  return page.evaluate(() => Object.keys(window).filter((name) => !/^\d+$/.test(name)).sort());
}

/** A page looks, and is, as it would be without the package. */
async function expectIntact(page: Page): Promise<void> {
  const bare = await page.context().newPage();
  await bare.setViewportSize(page.viewportSize() ?? { width: 1280, height: 800 });
  await bare.route(/\/element\.js/, (route) =>
    route.fulfill({ contentType: "text/javascript", headers: { "access-control-allow-origin": "*" }, body: "" }),
  );
  await bare.goto(page.url());
  await expect(async () => expect(await look(page)).toEqual(await look(bare))).toPass({ timeout: 20_000 });
  expect(await globals(page)).toEqual(await globals(bare));
  expect(await page.evaluate(() => document.adoptedStyleSheets.length)).toBe(0);
  await bare.close();
  const isWithin = await page.locator("clip-ttl").evaluate((element) => {
    const [own, around] = [element.getBoundingClientRect(), (element.parentElement ?? element).getBoundingClientRect()];
    return own.left >= around.left - 1 && own.right <= around.right + 1 && own.height > 100;
  });
  expect(isWithin, "the element keeps within its column").toBe(true);
}

test("plain: nothing but code is fetched until a reader comes near, then a run has a result", async ({ page, built, author, cdn }) => {
  const site = await author(contents(built, "plain"));
  const start = cdn.requests.length;
  await page.goto(site.url);
  const widget = new Widget(page);
  await expect(widget.runButton).toBeAttached();
  expect(since(cdn, start).filter((name) => !CODE.test(`/${name}`))).toEqual([]);
  expect(site.requests).not.toContain("/bee.jpg");

  await widget.host.scrollIntoViewIfNeeded();
  await expect.poll(() => since(cdn, start)).toEqual(expect.arrayContaining(["worker.js", "clip_ttl.js", "clip_ttl_cpu.js", "clip_ttl_cpu_bg.wasm", "model.safetensors"]));
  const report = await widget.run();
  expect(report.labels).toEqual(LABELS);
  await expect(widget.host).toContainText("1 update in");
  expect(site.requests.filter((path) => !["/", "/article.css", "/bee.jpg"].includes(path))).toEqual([]);
  await expectIntact(page);
});

test("mdbook: a chapter", async ({ page, built, author, cdn }) => {
  const site = await author(contents(built, "mdbook"));
  const start = cdn.requests.length;
  await page.goto(`${site.url}introduction.html`);
  await expect(page.getByRole("heading", { name: "Introduction" })).toBeVisible();
  expect(since(cdn, start)).toEqual([]);
  await page.goto(`${site.url}adaptation.html`);
  const widget = new Widget(page);
  expect((await widget.run()).labels).toEqual(LABELS);
  await expectIntact(page);

  // mdBook listens for keys: "s" opens its search, arrows turn pages. What is typed into the element is no such thing.
  const labels = widget.host.getByRole("textbox", { name: "Labels" });
  await labels.fill("");
  await labels.press("s");
  await labels.press("ArrowRight");
  await expect(labels).toHaveValue("s");
  await expect(page).toHaveURL(/adaptation\.html$/);
});

test("vitepress: a page that is entered by a link within the site", async ({ page, built, author, cdn }) => {
  const site = await author(contents(built, "vitepress"));
  const start = cdn.requests.length;
  await page.goto(site.url);
  await page.getByRole("heading", { name: "Introduction" }).waitFor();
  await page.waitForFunction(() => customElements.get("clip-ttl") !== undefined);
  expect(since(cdn, start).filter((name) => !CODE.test(`/${name}`))).toEqual([]);

  await page.getByRole("link", { name: "next page" }).click();
  const widget = new Widget(page);
  expect((await widget.run()).labels).toEqual(LABELS);
  await page.getByRole("link", { name: "introduction", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Introduction" })).toBeVisible();
  await page.goBack();
  expect((await widget.run()).labels).toEqual(LABELS);
  expect(since(cdn, start).filter((name) => name === "worker.js"), "the engine that was left is the one that is come back to").toHaveLength(1);

  // The page as the server sends it, which is made alive by Vue.
  await page.goto(`${site.url}adaptation.html`);
  await expectIntact(page);
});

test("sphinx-myst: the package is the site's own", async ({ page, built, author, cdn }) => {
  const site = await author(contents(built, "sphinx-myst"));
  const start = cdn.requests.length;
  await page.goto(site.url);
  await page.waitForFunction(() => customElements.get("clip-ttl") !== undefined);
  const ofPackage = (): string[] => site.requests.filter((path) => path.includes("/clip-ttl/"));
  expect(ofPackage().filter((path) => !CODE.test(path))).toEqual([]);

  await page.goto(`${site.url}adaptation.html`);
  expect((await new Widget(page).run()).labels).toEqual(LABELS);
  expect(ofPackage()).toEqual(expect.arrayContaining(["/_static/clip-ttl/worker.js", "/_static/clip-ttl/clip_ttl_cpu_bg.wasm"]));
  expect(since(cdn, start).filter((name) => name !== "tex-mml-chtml.js"), "nothing but Sphinx's own MathJax comes from elsewhere").toEqual([]);
  await expectIntact(page);
});

test("reveal: a slide that is shown later, and keys that are not the slides'", async ({ page, built, author, cdn }) => {
  const site = await author(contents(built, "reveal"));
  const start = cdn.requests.length;
  await page.goto(site.url);
  await page.waitForFunction(() => customElements.get("clip-ttl") !== undefined && document.querySelector(".reveal.ready") !== null);
  await expect(page.getByRole("heading", { name: "Adaptation" })).toBeVisible();
  expect(since(cdn, start).filter((name) => !CODE.test(`/${name}`))).toEqual([]);

  await page.keyboard.press("ArrowRight");
  await expect(page).toHaveURL(/#\/1$/);
  const widget = new Widget(page);
  expect((await widget.run()).labels).toEqual(LABELS);
  await expectIntact(page);
  // reveal.js turns the page at Space and at arrows: a button within the element has a use for Space, but none for arrows.
  await widget.runButton.focus();
  await page.keyboard.press("Space");
  await expect(widget.runButton).toHaveAttribute("aria-disabled", "true");
  await expect(page).toHaveURL(/#\/1$/);
  await page.keyboard.press("ArrowRight");
  await expect(page).toHaveURL(/#\/2$/);
});
