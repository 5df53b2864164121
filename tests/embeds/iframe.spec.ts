/** embed.html in an iframe, and the page around it: what they say to each other, and what nobody else can make them do. */

import { join } from "node:path";

import type { Page } from "../browser/playwright.js";
import type { Content } from "./server.js";
import { expect, test } from "./test.js";
import { expectResult, VIEWS, Widget, type Report } from "./widget.js";

const EMBED = "https://clip-ttl.github.io/clip-ttl/embed.html";
const LABELS = "bee,ant,fly,spider,daisy";

interface Message {
  readonly data: { readonly source?: string; readonly version?: number; readonly type: string; readonly [key: string]: unknown };
  readonly origin: string;
}

declare global {
  interface Window {
    messages: Message[];
  }
}

/** A page with a script of its own that keeps what an iframe says, and nothing else. */
function host(query: string, attributes = ""): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>A host</title><link rel="icon" href="data:,">
<script>
  window.messages = [];
  addEventListener("message", ({ data, origin }) => window.messages.push({ data, origin }));
</script>
<iframe title="embed" width="800" height="700" ${attributes} src="${EMBED}?${query}"></iframe>`;
}

function said(page: Page, type: string): Promise<Message["data"][]> {
  return page.evaluate((type) => window.messages.map(({ data }) => data).filter((data) => data.type === type), type);
}

function command(page: Page, data: unknown): Promise<void> {
  return page.evaluate((data) => document.querySelector("iframe")?.contentWindow?.postMessage(data, "*"), data);
}

const from = (type: string, more: object = {}): object => ({ target: "clip-ttl", version: 1, type, ...more });

test("the documented lines: the iframe is as high as what it shows, and the page hears of results", async ({ page, built, author }) => {
  const site = await author({ contents: { "/": { folder: join(built.pages, "iframe") } } });
  await page.goto(site.url);
  await page.evaluate(() => {
    Object.assign(window, { heard: [] });
    document.addEventListener("clip-ttl", (event) => (window as unknown as { heard: unknown[] }).heard.push((event as CustomEvent).detail));
  });
  const frame = page.frameLocator("iframe");
  const widget = new Widget(frame);
  const height = (): Promise<number> => frame.locator("main").evaluate((main) => Math.ceil(main.getBoundingClientRect().height));
  const fits = async (): Promise<void> => expect(await page.locator("iframe").evaluate((iframe) => iframe.clientHeight)).toBe(await height());
  await expect(fits).toPass();
  const report = await widget.run();
  expect(report.labels).toEqual(LABELS.split(","));
  const results = await page.evaluate(() => (window as unknown as { heard: { type: string; report: Report }[] }).heard.filter(({ type }) => type === "result"));
  expect(results.map((result) => result.report)).toEqual([report]);
  // A phone's width makes it higher.
  await page.setViewportSize({ width: 390, height: 800 });
  await expect(fits).toPass();
  expect(await frame.locator("html").evaluate((html) => html.scrollWidth <= html.clientWidth), "nothing to be scrolled sideways").toBe(true);
});

test("a page steers the embed by commands, and is told everything", async ({ page, author, site }) => {
  const around = await author({ contents: { "/": { text: host(`src=samples/bee.jpg&labels=${LABELS}&views=${VIEWS}&seed=7&hide=plot,views&lang=ja&theme=dark`) } } });
  await page.goto(around.url);
  await expect.poll(() => said(page, "ready")).toHaveLength(1);
  const frame = page.frameLocator("iframe");
  await expect(frame.locator("html")).toHaveAttribute("lang", "ja");
  expect(await frame.locator("clip-ttl").evaluate((element) => getComputedStyle(element).colorScheme)).toBe("dark");

  await command(page, from("run"));
  await expect.poll(() => said(page, "result")).toHaveLength(1);
  const [result] = await said(page, "result");
  const report = result?.["report"] as Report;
  expectResult(report);
  expect(report.options.seed).toBe(7);
  expect(await said(page, "step")).toHaveLength(1);
  const progress = await said(page, "progress");
  expect(new Set(progress.map(({ phase }) => phase))).toEqual(new Set(["load", "run"]));
  for (const { share } of progress) expect(share === null || (typeof share === "number" && share >= 0 && share <= 1)).toBe(true);

  // Another question; numbers may be numbers.
  await command(page, from("set", { parameters: { labels: "bee, wasp", seed: 8, lang: null } }));
  await expect(frame.locator("html")).toHaveAttribute("lang", "en");
  await command(page, from("run"));
  await expect.poll(() => said(page, "result")).toHaveLength(2);
  expect((await said(page, "result"))[1]?.["report"]).toMatchObject({ labels: ["bee", "wasp"], options: { seed: 8, views: VIEWS } });

  // A run of many views that is ended: no result and no error.
  await command(page, from("set", { parameters: { views: 64, steps: 10 } }));
  const steps = (await said(page, "progress")).length;
  await command(page, from("run"));
  await expect.poll(async () => (await said(page, "progress")).length).toBeGreaterThan(steps);
  await command(page, from("cancel"));
  await expect(frame.getByRole("button", { name: "Run", exact: true })).toHaveAttribute("aria-disabled", "false");
  expect(await said(page, "result")).toHaveLength(2);
  expect(await said(page, "error")).toEqual([]);

  const heights = (await said(page, "height")).length;
  await command(page, from("measure"));
  await expect.poll(async () => (await said(page, "height")).length).toBeGreaterThan(heights);
  const messages = await page.evaluate(() => window.messages);
  const origin = new URL(site.url).origin;
  for (const message of messages) expect(message).toMatchObject({ origin, data: { source: "clip-ttl", version: 1 } });
});

test("what can't be done is said, and the rest is done", async ({ page, author }) => {
  const wrong = {
    src: "javascript:alert(1)",
    views: "1e309",
    steps: "-5",
    seed: "99999999999999999999",
    device: "quantum",
    lang: '"><script>alert(1)</script>',
    theme: "url(https://example.org/)",
    hide: "<b>",
    labels: '<img src=x onerror="alert(1)">,<script>alert(2)</script>,bee',
  };
  const dialogs: string[] = [];
  page.on("dialog", (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  const around = await author({ contents: { "/": { text: host(new URLSearchParams(wrong).toString().replaceAll("&", "&amp;")) } } });
  await page.goto(around.url);
  await expect.poll(() => said(page, "error")).toHaveLength(8);
  const errors = await said(page, "error");
  expect(errors.map(({ code }) => code).sort()).toEqual([...Array<string>(7).fill("option-invalid"), "url-invalid"]);
  expect(errors.map(({ message }) => String(message)).find((message) => message.startsWith("views="))).toBe(
    "views=1e309 is left out: possible are whole numbers from 1 to 256.",
  );
  const frame = page.frameLocator("iframe");
  await expect(frame.getByRole("alert").locator("p")).toHaveCount(8);
  const element = frame.locator("clip-ttl");
  expect(await element.evaluate((node) => node.getAttributeNames())).toEqual(["labels"]);
  await expect(element.getByRole("textbox", { name: "Labels" })).toHaveValue(`<img src=x onerror="alert(1)">\n<script>alert(2)</script>\nbee`);

  // The same by command: nothing of a set with a mistake is taken over.
  await command(page, from("set", { parameters: { labels: "one, two", src: "javascript:alert(3)" } }));
  await expect.poll(() => said(page, "error")).toHaveLength(9);
  await expect(element.getByRole("textbox", { name: "Labels" })).toHaveValue(/^<img/);
  await command(page, from("set", { parameters: { onclick: "alert(4)" } }));
  await expect.poll(() => said(page, "error")).toHaveLength(10);
  await command(page, from("set", { parameters: { src: "blob:https://example.org/1" } }));
  await expect.poll(() => said(page, "error")).toHaveLength(11);
  expect(await element.evaluate((node) => node.getAttributeNames())).toEqual(["labels"]);
  expect(dialogs).toEqual([]);
});

test("other origins and malformed messages do nothing", async ({ page, author }) => {
  // The embed obeys `parent`, and the page around it is another.
  const stranger = await author({ contents: { "/": { text: `<!doctype html><title>Another origin</title><link rel="icon" href="data:,">` } } });
  const around = await author({ contents: { "/": { text: host(`src=samples/bee.jpg&labels=${LABELS}&views=${VIEWS}`, 'name="embed"') } } });
  await page.goto(around.url);
  await expect.poll(() => said(page, "ready")).toHaveLength(1);
  const frame = page.frameLocator('iframe[title="embed"]');
  const labels = frame.locator("clip-ttl").getByRole("textbox", { name: "Labels" });
  const before = await labels.inputValue();

  // A frame of another origin beside it can reach it, and so can a window that the page has opened.
  await page.evaluate((url) => {
    const other = Object.assign(document.createElement("iframe"), { src: url, title: "stranger" });
    document.body.append(other);
    return new Promise((resolve) => other.addEventListener("load", resolve));
  }, stranger.url);
  const set = from("set", { parameters: { labels: "stolen, words" } });
  const strange = page.frames().find((candidate) => candidate.url() === stranger.url);
  expect(strange).toBeDefined();
  await strange?.evaluate(
    (data) => {
      const embed = (window.parent.frames as unknown as Record<string, Window>)["embed"];
      for (const message of data) embed?.postMessage(message, "*");
    },
    [set, from("run")],
  );
  for (const malformed of [
    null,
    "run",
    42,
    [],
    {},
    { target: "clip-ttl", type: "run" },
    { target: "clip-ttl", version: 2, type: "run" },
    { target: "other", version: 1, type: "run" },
    from("explode"),
    from("set"),
    from("set", { parameters: [] }),
    from("set", { parameters: { labels: { toString: "x" } } }),
    from("set", { parameters: { labels: ["a", "b"] } }),
    from("constructor"),
  ]) {
    await command(page, malformed);
  }
  // The answer to this comes after all that went before.
  const heights = (await said(page, "height")).length;
  await command(page, from("measure"));
  await expect.poll(async () => (await said(page, "height")).length).toBeGreaterThan(heights);
  await expect(labels).toHaveValue(before);
  expect((await page.evaluate(() => window.messages)).map(({ data }) => data.type).filter((type) => !["ready", "height", "progress"].includes(type))).toEqual([]);
});

test("only the origin that the address names is told and obeyed", async ({ page, author, watch }) => {
  // The browser says in the console that a message was not delivered.
  watch.allowError(/postMessage/);
  const query = `src=samples/bee.jpg&labels=${LABELS}`;
  const contents: Record<string, Content> = { "/": { text: host(`${query}&parent=https://example.org`) } };
  const around = await author({ contents });
  await page.goto(around.url);
  const frame = page.frameLocator("iframe");
  await expect(new Widget(frame).runButton).toBeVisible();
  const labels = frame.locator("clip-ttl").getByRole("textbox", { name: "Labels" });
  const before = await labels.inputValue();
  const arrival = await frame.locator("html").evaluateHandle(() => ({ came: new Promise((resolve) => addEventListener("message", resolve, { once: true })).then(() => undefined) }));
  await command(page, from("set", { parameters: { labels: "stolen, words" } }));
  await arrival.evaluate(({ came }) => came);
  await expect(labels).toHaveValue(before);
  expect(await page.evaluate(() => window.messages)).toEqual([]);

  // A page that doesn't tell where it sends its readers from is nobody, unless the address says who it is.
  const shy = (more: string): Content => ({ text: host(`${query}${more}`, 'referrerpolicy="no-referrer"') });
  contents["/nobody.html"] = shy("");
  contents["/named.html"] = shy(`&parent=${around.url}`);
  await page.goto(`${around.url}nobody.html`);
  await expect(new Widget(frame).runButton).toBeVisible();
  expect(await page.evaluate(() => window.messages)).toEqual([]);
  await page.goto(`${around.url}named.html`);
  await expect.poll(() => said(page, "ready")).toHaveLength(1);
});
