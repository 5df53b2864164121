/** Bad pictures, addresses and labels: said clearly and in the right place, with nothing lost, and good ones work afterwards. */

import { Demo, type BarRow } from "./demo.js";
import { hold } from "./hold.js";
import type { LocalServer } from "./local-server.js";
import { startOtherSite } from "./other-site.js";
import { CHELSEA, HORSES, hugePng, squares, truncated } from "./pictures.js";
import { expect, test } from "./test.js";

const LABELS = ["cat", "dog", "bird"];

/** The page with a picture, three labels, and a finished run. */
async function withResult(demo: Demo): Promise<BarRow[]> {
  await demo.openReady();
  await demo.drop(CHELSEA, "cat.png", "image/png");
  await demo.setLabels(LABELS);
  await demo.set("Views", 3);
  await expect(demo.caption).toContainText("cat.png");
  await demo.compared();
  await demo.run();
  const bars = await demo.bars();
  expect(bars.every(({ after }) => after !== null)).toBe(true);
  return bars;
}

/** After all that went wrong, a good picture and a run work, and no problem is shown any more. */
async function expectGoodRun(demo: Demo): Promise<void> {
  await demo.drop(squares([200, 30, 30], [20, 20, 90]), "good.png", "image/png");
  await expect(demo.caption).toHaveText("good.png, 96 × 72 pixels");
  await demo.compared();
  await demo.run();
  for (const problem of [demo.pictureProblem, demo.urlProblem, demo.labelsProblem, demo.templateProblem, demo.engineProblem]) {
    await expect(problem).toBeHidden();
  }
  expect((await demo.bars()).every(({ after }) => after !== null)).toBe(true);
}

test("files that are no pictures are refused beside the picture, and what was there stays", async ({ page }) => {
  const demo = new Demo(page);
  const bars = await withResult(demo);
  const bad: readonly { name: string; file: Buffer; type: string; says: RegExp }[] = [
    { name: "text.png", file: Buffer.from("This is a letter and not a picture.\n"), type: "image/png", says: /text\.png.*can’t be read as a picture/ },
    { name: "empty.png", file: Buffer.alloc(0), type: "image/png", says: /empty\.png/ },
    { name: "letter.pdf", file: Buffer.from("%PDF-1.7\n"), type: "application/pdf", says: /letter\.pdf.*can’t be read as a picture/ },
    { name: "wide.png", file: hugePng(20_000, 12), type: "image/png", says: /20000 × 12 pixels, too large.*16,384/ },
    { name: "large.png", file: hugePng(16_000, 16_000), type: "image/png", says: /16000 × 16000 pixels, too large.*64 million/ },
    { name: "half.png", file: truncated(CHELSEA), type: "image/png", says: /half\.png.*(damaged|incomplete|can’t be read)/ },
    { name: "half.jpg", file: truncated(HORSES), type: "image/jpeg", says: /half\.jpg.*(damaged|incomplete|can’t be read)/ },
    { name: "start.jpg", file: truncated(HORSES, 0.002), type: "image/jpeg", says: /start\.jpg.*(damaged|incomplete|can’t be read)/ },
  ];
  for (const { name, file, type, says } of bad) {
    await test.step(name, async () => {
      await demo.drop(file, name, type);
      await expect(demo.pictureProblem).toHaveText(says);
      await expect(demo.pictureProblem).toHaveText(/picture from before is still here/);
      await expect(demo.pictureProblem).toHaveAttribute("role", "alert");
      await expect(demo.caption).toHaveText("cat.png, 451 × 300 pixels");
      await expect(demo.labels).toHaveValue(LABELS.join("\n"));
      expect(await demo.bars(), "the result is still there").toEqual(bars);
    });
  }
  await expectGoodRun(demo);
});

test("a picture that was taken away stays away, and nobody waits for another one that was on its way", async ({ page }) => {
  const demo = new Demo(page);
  const frame = page.locator("#drop");
  const remove = page.getByRole("button", { name: "Remove" });
  const releaseEngine = await hold(page, "**/clip_ttl_cpu_bg.wasm");
  const releaseSlow = await hold(page, "**/slow.png", { contentType: "image/png", body: CHELSEA });
  await demo.open();
  await expect(demo.caption).toContainText(", by ");
  await demo.takeAddress(new URL("slow.png", page.url()).href);
  await expect(frame).toHaveClass(/drop-busy/);
  await remove.click();
  await expect(frame).not.toHaveClass(/drop-busy/);
  releaseSlow();

  await demo.drop(CHELSEA, "first.png", "image/png");
  await expect(demo.caption).toContainText("first.png");
  await demo.drop(HORSES, "second.jpg", "image/jpeg");
  await expect(demo.caption).toContainText("second.jpg");
  await remove.click();
  await expect(demo.caption).toContainText("No picture yet");
  await demo.drop(truncated(HORSES), "third.jpg", "image/jpeg");
  releaseEngine();
  await demo.loaded();
  await expect(demo.pictureProblem).toBeVisible();
  await expect(demo.pictureProblem).not.toContainText("picture from before");
  await expect(demo.caption).toContainText("No picture yet");
});

test("a picture that is dropped on a text field is taken; text that is dropped there is left to the field", async ({ page }) => {
  const demo = new Demo(page);
  await demo.open();
  await expect(demo.caption).toContainText(", by ");
  await demo.setLabels(LABELS);
  await demo.drop(CHELSEA, "dropped.png", "image/png", demo.labels);
  await expect(demo.caption).toHaveText("dropped.png, 451 × 300 pixels");
  await expect(demo.labels).toHaveValue(LABELS.join("\n"));
  const isLeftToField = await demo.labels.evaluate((field) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.setData("text/plain", "zebra");
    return ["dragover", "drop"].every((type) => field.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true })));
  });
  expect(isLeftToField).toBe(true);
});

test("labels that a spreadsheet has copied, with a picture of its cells, are text in a text field; a picture alone is one there too", async ({ page }) => {
  const demo = new Demo(page);
  await demo.open();
  await expect(demo.caption).toContainText(", by ");
  expect(await demo.paste(CHELSEA, "cells.png", "image/png", { target: demo.labels, text: "cat\ndog" }), "it is left to the field").toBe(true);
  expect(await demo.paste(HORSES, "alone.jpg", "image/jpeg", { target: demo.labels })).toBe(false);
  await expect(demo.caption).toContainText("alone.jpg");
  expect(await demo.paste(CHELSEA, "cells.png", "image/png", { text: "cat\ndog" })).toBe(false);
  await expect(demo.caption, "elsewhere on the page there is nothing for the text").toContainText("cells.png");
});

test("without a picture, Run says what to do and leads there", async ({ page }) => {
  const demo = new Demo(page);
  let dialogs = 0;
  page.on("filechooser", () => (dialogs += 1));
  await demo.openReady();
  await page.getByRole("button", { name: "Remove" }).click();
  await demo.runButton.click();
  await expect(demo.pictureProblem).toHaveText(/Choose a picture first/);
  await expect(page.locator("#file")).toBeFocused();
  await expect(page.locator("#file")).toHaveAccessibleDescription(/Choose a picture first/);
  expect(dialogs, "nobody has asked for another picture").toBe(0);
  await demo.set("Views", 2);
  await expectGoodRun(demo);
});

test.describe("addresses", () => {
  let other: LocalServer;
  test.beforeAll(async () => {
    other = await startOtherSite();
  });
  test.afterAll(() => other.close());

  test("that fail are explained beside the address, and what was there stays", async ({ page, watch }) => {
    watch.allowRequest(new RegExp(`^${other.url}`));
    watch.allowRequest(/^http:\/\/127\.0\.0\.1:9\//);
    watch.allowRequest(/^https?:\/\/no-such-site\.invalid\//);
    watch.allowError(/404 \(Not Found\)|CORS policy|net::ERR_/);
    const demo = new Demo(page);
    const bars = await withResult(demo);
    const bad: readonly (readonly [address: string, says: RegExp])[] = [
      [`${other.url}missing.png`, /error 404/],
      [`${other.url}closed.png`, /doesn’t let other pages read/],
      [`${other.url}page.html`, /no picture at that address/],
      ["http://127.0.0.1:9/cat.png", /unreachable/],
      ["https://no-such-site.invalid/cat.png", /unreachable/],
      ["a cat", /isn’t a web address/],
      ["javascript:alert(1)", /isn’t a web address/],
      ["", /isn’t a web address/],
    ];
    for (const [address, says] of bad) {
      await test.step(address, async () => {
        await demo.takeAddress(address);
        await expect(demo.urlProblem).toHaveText(says);
        await expect(demo.caption).toHaveText("cat.png, 451 × 300 pixels");
        expect(await demo.bars()).toEqual(bars);
        await expect(page.getByRole("textbox", { name: "Address of a picture" })).toHaveValue(address);
      });
    }
    await demo.takeAddress(`${other.url}open.png`);
    await expect(demo.caption).toHaveText("open.png, 451 × 300 pixels");
    await expect(demo.urlProblem).toBeHidden();
    await expectGoodRun(demo);
  });

  test("whose name is no good one, or that have none, are read all the same", async ({ page }) => {
    const picture = squares([200, 30, 30], [20, 20, 90]);
    await page.route(/\/100%\.png$/, (route) => route.fulfill({ contentType: "image/png", body: picture }));
    const demo = new Demo(page);
    await demo.open();
    await demo.takeAddress(new URL("100%.png", page.url()).href);
    await expect(demo.caption).toHaveText("100%.png, 96 × 72 pixels");
    await demo.takeAddress(`data:image/png;base64,${picture.toString("base64")}`);
    await expect(demo.caption).toHaveText("picture, 96 × 72 pixels");
    await expect(demo.urlProblem).toBeHidden();
  });
});

test("labels that can't be used are explained beside them, and nothing that was written is lost", async ({ page }) => {
  const demo = new Demo(page);
  await withResult(demo);
  const bad: readonly { written: string; says: RegExp }[] = [
    { written: "", says: /at least one label/ },
    { written: "\n   \n\t\n", says: /at least one label/ },
    { written: "cat\ndog\n cat", says: /“cat” is there more than once \(lines 1, 3\)/ },
    { written: "cat\n\n\ndog\ndog", says: /“dog” is there more than once \(lines 4, 5\)/ },
    { written: "just this", says: /at least two labels/ },
  ];
  for (const { written, says } of bad) {
    await test.step(JSON.stringify(written), async () => {
      await demo.labels.fill(written);
      await demo.runButton.click();
      await expect(demo.labelsProblem).toHaveText(says);
      await expect(demo.labels).toBeFocused();
      await expect(demo.labels).toHaveAttribute("aria-invalid", "true");
      await expect(demo.labels).toHaveAccessibleDescription(says);
      await expect(demo.labels).toHaveValue(written);
      await expect(demo.caption).toContainText("cat.png");
    });
  }
  // The picture is classified with the one label after a rest in typing: what was said of adapting stays through that.
  await expect(demo.rows).toHaveCount(1);
  await expect.poll(() => demo.bars()).toEqual([{ label: "just this", before: 100, after: null, change: null }]);
  await expect(demo.labelsProblem).toHaveText(/at least two labels/);
  await demo.template.fill("a photo");
  await demo.runButton.click();
  await expect(demo.templateProblem).toHaveText(/Put {} where the label belongs/);
  await demo.template.fill("a photo of a {}.");
  await demo.setLabels(LABELS);
  await expect(demo.labelsProblem).toBeHidden();
  await expectGoodRun(demo);
});

test("one label is classified, though there is nothing to adapt", async ({ page }) => {
  const demo = new Demo(page);
  await demo.openReady();
  await demo.setLabels(["cat"]);
  await expect(demo.rows).toHaveCount(1);
  await expect.poll(() => demo.bars()).toEqual([{ label: "cat", before: 100, after: null, change: null }]);
  await expect(demo.labelsProblem).toBeHidden();
});

test("empty lines, spaces, emoji and other scripts are read as a person means them", async ({ page }) => {
  const demo = new Demo(page);
  await demo.openReady();
  await demo.labels.fill("\n  cat  \n\n🐈\r\nchâteau\nكلب\n\n👩‍👩‍👧 family\n");
  await expect(page.locator("#labels-note")).toHaveText(/5 labels/);
  await demo.set("Views", 2);
  await demo.run();
  const labels = (await demo.bars()).map(({ label }) => label);
  expect(labels.sort()).toEqual(["cat", "🐈", "château", "كلب", "👩‍👩‍👧 family"].sort());
});

test("markup in a label is shown as it was written", async ({ page }) => {
  const demo = new Demo(page);
  let dialogs = 0;
  page.on("dialog", (dialog) => {
    dialogs += 1;
    void dialog.dismiss();
  });
  await demo.openReady();
  const markup = ['<img src="x" onerror="alert(1)">', "<b>bold</b>", "<script>alert(2)</script>", "&amp; {} $& ${x}"];
  const count = (): Promise<number> => page.locator("main img, main b, main script").count();
  const elements = await count();
  await demo.setLabels(markup);
  await demo.set("Views", 2);
  await demo.run();
  const rows = await demo.bars();
  expect(rows.map(({ label }) => label).sort()).toEqual([...markup].sort());
  await expect(demo.sentence).toContainText(rows[0]?.label ?? "no label");
  await expect(demo.announcer).toContainText(rows[0]?.label ?? "no label");
  await expect(page.locator("#template-note")).toContainText(markup[0] ?? "no label");
  expect(await count()).toBe(elements);
  expect(dialogs).toBe(0);
});

test("a label too long for the model is cut, and the page says so", async ({ page }) => {
  const demo = new Demo(page);
  await demo.openReady();
  const long = Array.from({ length: 100 }, (_, index) => `word${index}`).join(" ");
  await demo.setLabels(["cat", long, "x".repeat(5000)]);
  await expect(demo.warnings, "before any run").toHaveCount(2);
  await demo.set("Views", 2);
  await demo.run();
  await expect(demo.warnings).toHaveCount(2);
  await expect(demo.warnings.first()).toContainText(/word0.*longer than.*cut off/);
  expect((await demo.bars()).map(({ label }) => label)).toContain(long);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), "no sideways scrolling").toBe(true);
});

test("a thousand labels are classified and adapted to", async ({ page }) => {
  const demo = new Demo(page);
  await demo.openReady();
  const labels = Array.from({ length: 1000 }, (_, index) => `thing number ${index}`);
  await demo.setLabels(["cat", ...labels.slice(1)]);
  await demo.set("Views", 2);
  await expect(page.locator("#labels-note")).toHaveText(/1,000 labels/);
  await demo.run();
  await expect(demo.rows).toHaveCount(10);
  await page.getByRole("button", { name: "Show all 1,000 labels" }).click();
  await expect(demo.rows).toHaveCount(1000);
  const shares = (await demo.bars()).map(({ after }) => after ?? NaN);
  expect(shares).toEqual([...shares].sort((a, b) => b - a));
});
