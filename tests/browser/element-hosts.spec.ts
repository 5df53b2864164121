/** `<clip-ttl>` where pages are not kind to it: their CSS, their policies, their scripts, and several on one page. */

import { ELEMENT_API } from "../../web/src/widget/api.js";
import { ClipTtlPage, openHost, PATIENCE_MS, QUICK } from "./element-page.js";
import { expect, test } from "./test.js";

test("the documented parts and slots are those that are there", async ({ page }) => {
  await openHost(page, { body: `<clip-ttl loading="manual" controls></clip-ttl>` });
  const found = await new ClipTtlPage(page).evaluate((element) => {
    const all = [...(element.shadowRoot?.querySelectorAll("*") ?? [])];
    const parts = all.flatMap((node) => [...node.part]);
    return { parts: [...new Set(parts)].sort(), slots: all.filter((node) => node.localName === "slot").map((slot) => slot.getAttribute("name") ?? "").sort() };
  });
  expect(found.parts).toEqual(ELEMENT_API.parts.map(({ name }) => name).sort());
  expect(found.slots).toEqual(ELEMENT_API.slots.map(({ name }) => name).sort());
});

test("the page's CSS can neither hide it nor dress it up, but custom properties and parts can", async ({ page }) => {
  const hostile = `html { font-size: 62.5%; }
    * { all: unset !important; }
    * { visibility: hidden !important; color: red !important; font-size: 2px !important; text-transform: uppercase !important; letter-spacing: 1em !important; }`;
  await openHost(page, { body: QUICK.replace("<clip-ttl", '<clip-ttl loading="manual"'), head: `<style>${hostile}</style>` });
  const widget = new ClipTtlPage(page);
  await widget.pictured();
  await expect(widget.button("Run")).toBeVisible();
  const look = await widget.evaluate((element) => {
    const label = element.shadowRoot?.querySelector("[part=labels] label");
    if (label == null) throw new Error("no label");
    const { color, fontSize, textTransform, letterSpacing, visibility } = getComputedStyle(label);
    return { color, fontSize: Number.parseFloat(fontSize), textTransform, letterSpacing, visibility, display: getComputedStyle(element).display };
  });
  expect(look).toMatchObject({ textTransform: "none", letterSpacing: "normal", visibility: "visible", display: "block" });
  expect(look.color).not.toBe("rgb(255, 0, 0)");
  expect(look.fontSize).toBeGreaterThan(11);

  const kind = `body { --clip-ttl-accent: rgb(1, 2, 3); --clip-ttl-font-size: 20px; } clip-ttl::part(run-button) { border-radius: 11px; }`;
  await openHost(page, { body: QUICK.replace("<clip-ttl", '<clip-ttl loading="manual"'), head: `<style>${kind}</style>` });
  const run = await widget.button("Run").evaluate((button) => {
    const { backgroundColor, borderRadius } = getComputedStyle(button);
    return { backgroundColor, borderRadius, textSize: getComputedStyle(button.closest("[part=base]") ?? button).fontSize };
  });
  expect(run).toEqual({ backgroundColor: "rgb(1, 2, 3)", borderRadius: "11px", textSize: "20px" });
});

for (const { size, pixels } of [
  { size: "1.25em", pixels: 20 },
  { size: "125%", pixels: 20 },
  { size: "calc(1rem + 2px)", pixels: 18 },
]) {
  test(`text of the size ${size} is as large in every part`, async ({ page }) => {
    await openHost(page, { body: `<clip-ttl loading="manual"></clip-ttl>`, head: `<style>body { --clip-ttl-font-size: ${size}; }</style>` });
    const widget = new ClipTtlPage(page);
    await widget.button("Run").waitFor();
    const sizes = await widget.evaluate((element) =>
      ["[part=base]", "[part=labels] label", ".ct-plot-title"].map((part) => {
        const node = element.shadowRoot?.querySelector(part);
        return node == null ? "" : getComputedStyle(node).fontSize;
      }),
    );
    expect(sizes).toEqual([pixels, 0.9375 * pixels, 0.9375 * pixels].map((expected) => `${expected}px`));
  });
}

test("under a strict policy and without any storage it runs, and labels with markup stay text", async ({ page }) => {
  await page.addInitScript(() => {
    const refuse = (name: string): void => {
      Object.defineProperty(window, name, {
        get: () => {
          throw new DOMException("The operation is insecure.", "SecurityError");
        },
      });
    };
    for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"]) refuse(name);
  });
  const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src 'self'";
  const labels = '["<img src=x onerror=alert(1)>", "<b>bold</b>", "{{7*7}}"]';
  await openHost(page, { body: QUICK.replace(/labels="[^"]*"/, `labels='${labels}'`), headers: { "content-security-policy": policy } });
  const widget = new ClipTtlPage(page);
  await widget.pictured();
  await widget.run();
  expect((await widget.shares()).map(([label]) => label).sort()).toEqual((JSON.parse(labels) as string[]).sort());
  expect(await widget.evaluate((element) => element.shadowRoot?.querySelectorAll("img, b").length)).toBe(0);
});

test("ten on one page share one engine and take turns; each ends with its own labels' result", async ({ page }) => {
  const workers = new Set<string>();
  let begun = 0;
  page.on("worker", (worker) => {
    begun += 1;
    workers.add(worker.url());
  });
  const elements = Array.from({ length: 10 }, (_, index) => `<clip-ttl compact loading="manual" src="./samples/chelsea.png" labels="cat, dog, thing ${index}" views="${2 + (index % 2)}" device="cpu"></clip-ttl>`);
  await openHost(page, { body: elements.join("\n") });
  const results = await page.evaluate(async () => {
    const elements = [...document.querySelectorAll("clip-ttl")];
    const reports = await Promise.all(
      elements.map(async (element) => {
        element.loading = "eager";
        return element.run();
      }),
    );
    return reports.map(({ labels, views }) => `${labels[2]}: ${views.length}`);
  });
  expect(results).toEqual(Array.from({ length: 10 }, (_, index) => `thing ${index}: ${2 + (index % 2)}`));
  expect(begun).toBe(1);
  expect(workers.size).toBe(1);
});

test("it survives being moved in mid-run, late and double definition, and another document; removed, it calls its run off", async ({ page }) => {
  await openHost(page, { hasScript: false, body: `<section id="one"></section><section id="two"></section><iframe title="frame" srcdoc="<p>frame</p>"></iframe>` });
  const early = await page.evaluate(async () => {
    const element = document.createElement("clip-ttl");
    // Set before anybody knows what the element is.
    Object.assign(element, { labels: ["cat", "dog"], views: 4, device: "cpu", loading: "manual", src: "./samples/chelsea.png", options: { rank: 4 } });
    document.querySelector("#one")?.append(element);
    await import(new URL("./clip-ttl/element.js", document.baseURI).href);
    // A second copy of the script.
    await import(new URL("./clip-ttl/element.js?copy", document.baseURI).href);
    return { labels: element.labels, views: element.getAttribute("views"), rank: element.options.rank, own: Object.keys(element) };
  });
  expect(early).toEqual({ labels: ["cat", "dog"], views: "4", rank: 4, own: [] });

  const widget = new ClipTtlPage(page);
  await widget.pictured();
  const moved = await page.evaluate(async () => {
    const element = document.querySelector("clip-ttl");
    if (element === null) throw new Error("no element");
    const run = element.run();
    await new Promise((resolve) => element.addEventListener("progress", ({ detail }) => detail.phase === "run" && resolve(null)));
    document.querySelector("#two")?.append(element);
    return (await run).views.length;
  });
  expect(moved).toBe(4);
  await expect(page.locator("#two clip-ttl")).toBeVisible();

  const adopted = await page.evaluate(async () => {
    const element = document.querySelector("clip-ttl");
    const frame = document.querySelector("iframe")?.contentDocument;
    if (element === null || frame == null) throw new Error("no element or no frame");
    frame.body.append(element);
    await new Promise((resolve) => setTimeout(resolve));
    const sheets = element.shadowRoot?.adoptedStyleSheets.length ?? 0;
    const base = element.shadowRoot?.querySelector("[part=base]");
    return { sheets: sheets > 3, display: base == null ? "" : getComputedStyle(base).containerType };
  });
  expect(adopted).toEqual({ sheets: true, display: "inline-size" });

  const removed = await page.evaluate(async () => {
    const element = document.querySelector("iframe")?.contentDocument?.querySelector("clip-ttl");
    if (element == null) throw new Error("no element");
    document.body.append(element);
    const run = element.run();
    await new Promise((resolve) => element.addEventListener("progress", ({ detail }) => detail.phase === "run" && resolve(null)));
    element.remove();
    return run.then(
      () => "finished",
      (error: { code: string }) => error.code,
    );
  });
  expect(removed).toBe("cancelled");
  // Some seconds later nobody wants the engine any more.
  await expect.poll(() => page.workers().length).toBe(0);
});

test("from right to left, and in Japanese, it is the same element", async ({ page }, info) => {
  await openHost(page, { lang: "ja", dir: "rtl", body: QUICK });
  const widget = new ClipTtlPage(page);
  await expect(widget.element.getByRole("button", { name: "画像を変える" })).toBeVisible({ timeout: PATIENCE_MS });
  await widget.element.getByRole("button", { name: "実行" }).click();
  await expect(widget.status).toHaveText(/^1 回の更新、.+、CPU。$/, { timeout: PATIENCE_MS });
  await expect(widget.announcer).toHaveText(/^(答えは.+のままです|.+に変わりました).*予測のエントロピーは/);
  const places = await widget.evaluate((element) => {
    const left = (part: string): number => element.shadowRoot?.querySelector(`[part~="${part}"]`)?.getBoundingClientRect().left ?? 0;
    return { picture: left("picture"), bars: left("bars") };
  });
  expect(places.picture).toBeGreaterThan(places.bars);
  const [sign, digit] = await widget.evaluate((element) => {
    const change = element.shadowRoot?.querySelector(".ct-bars-points")?.firstChild;
    if (!(change instanceof Text)) return [];
    return [0, 1].map((index) => {
      const range = document.createRange();
      range.setStart(change, index);
      range.setEnd(change, index + 1);
      return range.getBoundingClientRect().left;
    });
  });
  expect(sign, "the sign stands before its number").toBeLessThan(digit ?? 0);
  await page.screenshot({ path: info.outputPath("rtl.png"), fullPage: true });
});
