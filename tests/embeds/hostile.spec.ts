/** Pages that are hard on what is embedded in them: their styles, their age, their rights, and what they put in. */

import { join } from "node:path";

import type { Page } from "../browser/playwright.js";
import { HERE } from "./embeds.js";
import type { Content } from "./server.js";
import { expect, test } from "./test.js";
import { expectResult, VIEWS, Widget, type Report } from "./widget.js";

const PICTURE: Content = { file: join(HERE, "../../www/samples/bee.jpg") };
const LABELS = `labels="bee, ant, fly, spider, daisy"`;
const ELEMENT = `<clip-ttl src="bee.jpg" ${LABELS}></clip-ttl>`;

function head(version: string, more = ""): string {
  return `<meta charset="utf-8"><title>A hard page</title><link rel="icon" href="data:,">${more}
<script type="module" src="https://cdn.jsdelivr.net/npm/clip-ttl@${version}/dist/element.js"></script>`;
}

/** How the element's insides look: the size and style of each visible part. */
function insides(page: Page): Promise<string[]> {
  return page.locator("clip-ttl").first().evaluate((element) => {
    const names = ["display", "color", "background-color", "font-size", "font-weight", "font-style", "line-height", "letter-spacing", "text-transform", "padding", "margin", "border", "cursor"];
    const all = [element, ...(element.shadowRoot?.querySelectorAll("*") ?? [])];
    return all
      .filter((part) => part.checkVisibility())
      .map((part) => {
        const style = getComputedStyle(part);
        const box = part.getBoundingClientRect();
        return `${part.localName}.${part.getAttribute("class") ?? ""} ${Math.round(box.width)} x ${Math.round(box.height)}: ${names.map((name) => style.getPropertyValue(name)).join("; ")}`;
      });
  });
}

/** Waits until the answer before any run is there, so that two pages show the same. */
async function compared(page: Page): Promise<void> {
  await page.locator("clip-ttl").first().scrollIntoViewIfNeeded();
  await expect(page.locator("clip-ttl").first().getByRole("cell").filter({ hasText: "%" }).first()).toBeAttached();
}

test("styles that undo everything don't reach inside", async ({ page, built, author }) => {
  const unset = `<style>
  body, body * { all: unset !important; }
  * { letter-spacing: 0.5em !important; text-transform: uppercase !important; font: italic 900 42px/3 fantasy !important; color: red !important; }
  button, input, textarea, table, td, p { background: lime !important; border: 9px solid red !important; padding: 40px !important; }
  html { font-size: 5px !important; }
  </style>`;
  const body = (inner: string): string => `<body style="margin: 0"><div style="width: 900px; font-family: monospace">${inner}</div></body>`;
  const hard = `<body>${ELEMENT}</body>`;
  const site = await author({
    contents: {
      "/soft.html": { text: `<!doctype html><html lang="en">${head(built.version)}${body(ELEMENT)}` },
      "/hard.html": { text: `<!doctype html><html lang="en">${head(built.version, unset)}${hard}` },
      "/bee.jpg": PICTURE,
    },
  });
  await page.setViewportSize({ width: 900, height: 800 });
  // The same width for both: scroll bars take some of it.
  await page.goto(`${site.url}soft.html`);
  await compared(page);
  const soft = await insides(page);
  await page.goto(`${site.url}hard.html`);
  await compared(page);
  // The font's family is the page's, which is meant so; widths of text differ with it.
  const strip = (list: string[]): string[] => list.map((part) => part.replace(/ \d+ x \d+:/, ":"));
  expect(strip(await insides(page)).slice(1)).toEqual(strip(soft).slice(1));
  const box = await page.locator("clip-ttl").boundingBox();
  expect(box?.width).toBeGreaterThan(880);
  await new Widget(page).run();
});

test("a page without a doctype that has changed JavaScript's own objects", async ({ page, built, author }) => {
  const old = `<script>
  Object.prototype.each = function () { throw new Error("each"); };
  Array.prototype.remove = function () { throw new Error("remove"); };
  </script>`;
  const site = await author({ contents: { "/": { text: `${head(built.version, old)}<table width="100%"><tr><td>${ELEMENT}</table>` }, "/bee.jpg": PICTURE } });
  await page.goto(site.url);
  expect(await page.evaluate(() => document.compatMode)).toBe("BackCompat");
  await new Widget(page).run();
  // Quirks make tables' text and images' boxes differ, but a button is as high as anywhere.
  const box = await page.locator("clip-ttl").getByRole("button", { name: "Run" }).boundingBox();
  expect(box?.height).toBe(36);
});

test("a sandboxed frame without an origin and without storage", async ({ page, built, author, site: embeds }) => {
  const site = await author({
    contents: {
      "/": { text: `<!doctype html><title>Around</title><link rel="icon" href="data:,"><iframe sandbox="allow-scripts" src="page.html" width="1000" height="1200"></iframe>` },
      "/page.html": { text: `<!doctype html><html lang="en">${head(built.version)}${ELEMENT}` },
      "/bee.jpg": PICTURE,
    },
    // Without an origin everything is another's, the page's own files too.
    headers: { "access-control-allow-origin": "*" },
  });
  await page.goto(site.url);
  const frame = page.frameLocator("iframe");
  expect(await frame.locator("html").evaluate(() => self.origin)).toBe("null");
  await new Widget(frame).run();

  // embed.html, whose policy allows no more than it needs, can be put into such a frame too.
  await page.locator("iframe").evaluate((iframe, url) => ((iframe as HTMLIFrameElement).src = url), `${embeds.url}clip-ttl/embed.html?src=samples/bee.jpg&${new URLSearchParams({ labels: "bee, wasp" })}`);
  await expect(frame.locator("main")).toBeAttached();
  expect((await new Widget(frame).run()).labels).toEqual(["bee", "wasp"]);
});

test("ten elements share one engine and take turns", async ({ page, built, author, cdn }) => {
  const site = await author({
    contents: { "/": { text: `<!doctype html><html lang="en">${head(built.version)}${`<clip-ttl src="bee.jpg" ${LABELS} views="${VIEWS}" compact></clip-ttl>`.repeat(10)}` }, "/bee.jpg": PICTURE },
  });
  const start = cdn.requests.length;
  await page.goto(site.url);
  await page.waitForFunction(() => customElements.get("clip-ttl") !== undefined);
  const reports = await page.evaluate(() =>
    Promise.all(
      [...document.querySelectorAll("clip-ttl")].map(async (element) => {
        const result = new Promise<unknown>((resolve) => element.addEventListener("result", (event) => resolve((event as CustomEvent<{ report: unknown }>).detail.report)));
        await (element as unknown as { run(): Promise<unknown> }).run();
        return result;
      }),
    ),
  );
  expect(reports).toHaveLength(10);
  for (const report of reports as Report[]) expectResult(report);
  const [first, ...others] = (reports as Report[]).map(({ after }) => after);
  for (const other of others) expect(other, "the same seed gives the same answer in each").toEqual(first);
  expect(page.workers()).toHaveLength(1);
  for (const file of ["worker.js", "clip_ttl_cpu_bg.wasm", "model.safetensors"]) {
    expect(cdn.requests.slice(start).filter((path) => path.endsWith(`/${file}`)), file).toHaveLength(1);
  }
});

test("labels with markup are text", async ({ page, built, author }) => {
  const labels = ["<img src=x onerror=alert(1)>", "<script>alert(2)</script>", "</textarea><b>bold</b>", "&lt;i&gt;", "${alert(3)}", "javascript:alert(4)", "ラベル \u202e reversed"];
  const attribute = JSON.stringify(labels).replaceAll("&", "&amp;").replaceAll("'", "&#39;");
  const site = await author({
    contents: { "/": { text: `<!doctype html><html lang="en">${head(built.version)}<clip-ttl src="bee.jpg" labels='${attribute}' alt="<b>A bee</b>"></clip-ttl>` }, "/bee.jpg": PICTURE },
  });
  const dialogs: string[] = [];
  page.on("dialog", (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  await page.goto(site.url);
  const widget = new Widget(page);
  const report = await widget.run();
  expect(report.labels).toEqual(labels);
  expect(await widget.host.getByRole("textbox", { name: "Labels" }).inputValue()).toBe(labels.join("\n"));
  const rows = await widget.host.getByRole("rowheader").allTextContents();
  for (const label of labels) expect(rows.some((row) => row.includes(label)), label).toBe(true);
  const foreign = await widget.host.evaluate((element) => element.shadowRoot?.querySelectorAll("script, b, i, img[onerror], [src='x']").length);
  expect(foreign).toBe(0);
  expect(dialogs).toEqual([]);
});

test("an element that is hidden at first fetches nothing until it is shown", async ({ page, built, author, cdn }) => {
  const site = await author({
    contents: {
      "/": { text: `<!doctype html><html lang="en">${head(built.version)}<details><summary>Try it</summary>${ELEMENT}</details><div id="later" style="display: none">${ELEMENT}</div>` },
      "/bee.jpg": PICTURE,
    },
  });
  const start = cdn.requests.length;
  const asked = (): string[] => cdn.requests.slice(start).filter((path) => !/(element|shared-\w+)\.js$/.test(path));
  await page.goto(site.url);
  await page.waitForFunction(() => customElements.get("clip-ttl") !== undefined);
  // Observers have told what they see by the second frame.
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  expect(asked()).toEqual([]);
  expect(site.requests).toEqual(["/"]);

  await page.evaluate(() => document.getElementById("later")?.style.removeProperty("display"));
  await new Widget(page, 1).run();
  await page.getByText("Try it").click();
  await new Widget(page, 0).run();
  expect(page.workers()).toHaveLength(1);
});

test("zoomed pages and narrow columns: nothing is cut off", async ({ page, built, author }) => {
  const site = await author({
    contents: { "/": { text: `<!doctype html><html lang="en" style="zoom: 2; font-size: 200%"><meta name="viewport" content="width=device-width">${head(built.version)}<body style="margin: 0">${ELEMENT}` }, "/bee.jpg": PICTURE },
  });
  await page.setViewportSize({ width: 640, height: 900 });
  await page.goto(site.url);
  await new Widget(page).run();
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow).toBeLessThanOrEqual(0);
});
