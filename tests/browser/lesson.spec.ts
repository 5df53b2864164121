/** The lesson: a run that one walks through, with nothing but what a reader sees and does. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { EpisodeReport } from "../../web/src/index.js";
import { scrollsSideways, violations } from "./accessibility.js";
import { load, openBare } from "./bare.js";
import { Lesson } from "./lesson-page.js";
import { HARM, MARGIN, RECORDINGS, RUNS, WATCH } from "./lesson-runs.js";
import { forgetShifts, shiftsOf, watchShifts } from "./shifts.js";
import { expect, test } from "./test.js";

function recording(name: string): EpisodeReport {
  return JSON.parse(readFileSync(join(RECORDINGS, name), "utf8")) as EpisodeReport;
}

test("a recorded run is on stage at once: neither engine nor model is asked for", async ({ page }) => {
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const lesson = new Lesson(page);
  await lesson.open();
  await expect(lesson.title).toHaveText("Watch one update");
  await expect(lesson.note).toContainText("Recorded");
  await expect(lesson.tiles).toHaveCount(24);
  await expect(lesson.views).toHaveCount(24);
  const report = recording("watch-one-update.json");
  const best = [...report.before].sort((a, b) => b.probability - a.probability)[0];
  expect((await lesson.bars())[0]?.slice(0, 2)).toEqual([best?.label, `${((best?.probability ?? 0) * 100).toFixed(1)}%`]);
  const painted = await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  expect(await painted.jsonValue()).toBeGreaterThan(0);
  await page.evaluate(() => new Promise((resolve) => requestIdleCallback(resolve)));
  expect(asked.filter((path) => /wasm|worker|models\//.test(path))).toEqual([]);
});

test("buttons, keys and the scrubber step through the states, everything follows, and nothing jumps", async ({ page }) => {
  await watchShifts(page);
  const lesson = new Lesson(page);
  await lesson.open(`${HARM}&state=0`);
  const report = recording("when-it-goes-wrong.json");
  await page.locator("#walk").evaluate((section) => section.scrollIntoView({ behavior: "instant" }));
  await forgetShifts(page);

  const at = async (updates: number): Promise<void> => {
    await expect(lesson.state).toHaveText(updates === 0 ? "Before any of 3 updates" : `After ${updates} of 3 updates`);
    await expect(lesson.scrubber).toHaveValue(String(updates));
  };
  const seen = async (updates: number): Promise<void> => {
    await at(updates);
    const answer = updates === 0 ? report.before.map(({ probability }) => probability) : (report.steps[updates - 1]?.prediction ?? []);
    const top = answer.indexOf(Math.max(...answer));
    await expect(lesson.scrubber).toHaveAttribute("aria-valuetext", new RegExp(`${report.labels[top]}, ${((answer[top] ?? 0) * 100).toFixed(1)}%`));
    await expect(lesson.story.locator("h3")).toHaveText(updates === 0 ? "Before any update" : `After ${updates} update${updates === 1 ? "" : "s"}`);
    const views = report.steps[updates] ?? report.finalState;
    const [entropy, weight, label] = [views?.viewEntropies[5], views?.viewWeights[5], report.labels[views?.viewLabels[5] ?? -1]];
    await expect(lesson.tiles.nth(5)).toHaveAttribute("aria-label", new RegExp(`taken for ${label}.*entropy ${entropy?.toFixed(2)} nats, weight ${weight?.toFixed(2)}`));
    const norms = report.steps[updates - 1]?.adapterNorms.map(({ norm }) => norm.toFixed(3)) ?? ["0.000"];
    await expect(page.locator("#run-a .norms-value").first()).toHaveText(norms[0] ?? "");
    await expect(page.locator("#run-a [role=slider]")).toHaveAttribute("aria-valuenow", String(updates));
    await expect.poll(() => new URL(page.url()).hash).toContain(`state=${updates}`);
  };
  await seen(0);
  await page.getByRole("button", { name: "One update on" }).click();
  await seen(1);
  await page.locator("body").press("ArrowRight");
  await at(2);
  await page.locator("body").press("End");
  await at(3);
  await page.locator("body").press("ArrowLeft");
  await at(2);
  await lesson.scrubber.focus();
  await lesson.scrubber.press("Home");
  await at(0);
  await lesson.scrubber.press("ArrowRight");
  await at(1);
  await page.getByRole("button", { name: "To the end" }).click();
  await seen(3);
  expect(await shiftsOf(page)).toEqual([]);

  await page.reload();
  await lesson.shown();
  await seen(3);
});

test("it plays and pauses with the space bar", async ({ page }) => {
  const lesson = new Lesson(page);
  await lesson.open(`${HARM}&state=0`);
  await page.locator("body").press(" ");
  await expect(lesson.play).toHaveText("Pause");
  await expect(lesson.state).toHaveText("After 1 of 3 updates");
  await page.locator("body").press(" ");
  await expect(lesson.play).toHaveText("Play");
  await expect(lesson.state).toHaveText(/After [12] of 3 updates/);
});

test("a view that one points at is shown with its own prediction, from the strip and from the text", async ({ page }) => {
  const lesson = new Lesson(page);
  await lesson.open(`${WATCH}&state=0`);
  const views = recording("watch-one-update.json").steps[0];
  const labels = recording("watch-one-update.json").labels;
  const expectView = async (view: number): Promise<void> => {
    await expect(page.locator("#view-detail h3")).toHaveText(view === 0 ? "View 1, the centre crop" : `View ${view + 1} of 24`);
    await expect(page.locator("#view-detail .detail-answer")).toContainText(labels[views?.viewLabels[view] ?? -1] ?? "no label");
    await expect(page.locator("#view-detail .detail-share")).toHaveText(`${((views?.viewProbabilities[view] ?? 0) * 100).toFixed(1)}%`);
  };
  await expectView(0);
  await lesson.tiles.nth(7).hover();
  await expectView(7);
  await expect(lesson.views, "its box alone is shown").toHaveCount(0);
  await page.mouse.move(0, 0);
  await expect(lesson.views).toHaveCount(24);
  await lesson.tiles.first().focus();
  await page.keyboard.press("ArrowRight");
  await expectView(1);
  await page.keyboard.press("Escape");
  const surest = (views?.viewEntropies ?? []).indexOf(Math.min(...(views?.viewEntropies ?? [])));
  await lesson.story.getByRole("button", { name: `View ${surest + 1}`, exact: true }).first().focus();
  await expectView(surest);
});

test("each ready lesson's recording is what the engine computes from its link", async ({ page }) => {
  test.setTimeout(300_000);
  await openBare(page);
  await load(page);
  for (const { file, picture, labels, options } of RUNS) {
    const question = { picture: `./samples/${picture}`, labels, options };
    const computed = await page.evaluate(({ picture, labels, options }) => window.clip.adapt(picture, labels, options).result, question);
    const recorded = recording(file);
    expect(recorded.labels, file).toEqual(labels);
    expect(recorded.steps, file).toHaveLength(options.steps);
    const numbers = ({ before, beforeEntropy, steps, finalState, views }: EpisodeReport): number[] => [
      ...before.map(({ probability }) => probability),
      beforeEntropy,
      ...steps.flatMap(({ prediction, viewEntropies, viewWeights, adapterNorms }) => [...prediction, ...viewEntropies, ...viewWeights, ...adapterNorms.map(({ norm }) => norm)]),
      ...(finalState === null ? [] : [finalState.loss, ...finalState.viewProbabilities]),
      ...views.flatMap(({ box }) => [box.left, box.top, box.width, box.height]),
    ];
    const [one, other] = [numbers(computed), numbers(recorded)];
    expect(one.length, file).toBe(other.length);
    const largest = Math.max(...one.map((value, at) => Math.abs(value - (other[at] ?? NaN))));
    expect(largest, `${file}: largest difference`).toBeLessThan(2e-3);
  }
});

test("the lesson on what goes wrong shows a run that loses the right answer", async ({ page }) => {
  const report = recording("when-it-goes-wrong.json");
  const right = report.labels.indexOf("horse");
  const [before, after] = [report.before.map(({ probability }) => probability), report.after.map(({ probability }) => probability)];
  expect(before.indexOf(Math.max(...before))).toBe(right);
  expect(after.indexOf(Math.max(...after))).not.toBe(right);
  expect(after[right]).toBeLessThan(before[right] ?? 0);
  const lesson = new Lesson(page);
  await lesson.open();
  await page.locator("#harm a").click();
  await expect(lesson.title).toHaveText("When it goes wrong");
  await lesson.shown();
  await page.locator("body").press("End");
  await expect(lesson.story).toContainText(/The right answer is horse: right at first \(\d+\.\d%\), and now lost to [\w ]+ \(<?\d+\.\d%\)\. Adapting has made it worse\./);
});

test("two settings on the same views stand side by side, and follow one scrubber", async ({ page }) => {
  const lesson = new Lesson(page);
  await lesson.open(`${MARGIN}&state=0&b.margin=1.4`);
  await expect(lesson.column("b")).toBeVisible();
  await expect(lesson.column("b")).toContainText("margin 1.4 instead of 0.4");
  await page.locator("body").press("ArrowRight");
  for (const which of ["a", "b"] as const) await expect(lesson.column(which).locator(".sentence")).toContainText("After 1 update");
  await expect(lesson.comparison).toContainText("Both have the same 24 views");
  const weight = async (): Promise<number> => Number(/weight ([\d.]+)/.exec((await lesson.tiles.nth(3).getAttribute("aria-label")) ?? "")?.[1]);
  await page.locator("body").press("Home");
  const inA = await weight();
  await page.getByRole("radio", { name: "Views as in run B" }).check();
  expect((await weight()) / inA, "a margin that is 1 higher multiplies each weight by e").toBeCloseTo(Math.E, 0);
  await page.getByRole("button", { name: "Remove run B" }).click();
  await expect(lesson.column("b")).toBeHidden();
  await expect.poll(() => page.url()).not.toContain("b.margin");
});

test("the plot is saved as a picture and the run as JSON, which opens again; another file is refused", async ({ page }) => {
  const lesson = new Lesson(page);
  await lesson.open(`${HARM}&state=2`);
  const plot = await lesson.save("Plot (PNG)");
  expect(plot.subarray(1, 4).toString()).toBe("PNG");
  const [width, height] = [plot.readUInt32BE(16), plot.readUInt32BE(20)];
  expect(width).toBeGreaterThan(600);
  const colours = await page.evaluate(async (bytes) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))]));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    context?.drawImage(bitmap, 0, 0);
    const pixels = new Uint32Array(context?.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer ?? new ArrayBuffer(0));
    return new Set(pixels).size;
  }, plot.toString("base64"));
  expect(colours, "curves, axes and texts are drawn").toBeGreaterThan(50);
  expect(height).toBeGreaterThan(300);

  const file = await lesson.save("Run (JSON)");
  const saved = JSON.parse(file.toString()) as EpisodeReport & { picture: string };
  expect(saved.picture).toMatch(/^http.*\/samples\/horses\.jpg$/);
  expect(saved.steps).toHaveLength(3);
  const bars = await lesson.bars();
  await lesson.open();
  await lesson.drop(file, "run.json", "application/json");
  await expect(lesson.note).toContainText("From a file");
  await page.locator("body").press("ArrowRight");
  await page.locator("body").press("ArrowRight");
  expect(await lesson.bars()).toEqual(bars);

  await lesson.drop(Buffer.from(JSON.stringify({ ...saved, views: [] })), "broken.json", "application/json");
  await expect(page.locator("#recording-problem")).toHaveText("“broken.json” is not a recorded run: it has no views.");
  expect(await lesson.bars(), "what was there stays").toEqual(bars);
});

for (const { name, width, height } of [
  { name: "phone", width: 390, height: 844 },
  { name: "desktop", width: 1280, height: 900 },
]) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`axe-core finds nothing wrong, and nothing is cut off: ${name}, ${colorScheme}`, async ({ page }, info) => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const lesson = new Lesson(page);
      await lesson.open(`${MARGIN}&state=2&b.margin=1.4`);
      await expect(lesson.column("b")).toBeVisible();
      await page.locator("#change summary").click();
      await page.screenshot({ path: info.outputPath("two.png"), fullPage: true });
      expect(await violations(page)).toEqual([]);
      expect(await scrollsSideways(page)).toBe(false);
      expect(await lesson.viewsCutOff()).toEqual([]);
    });
  }
}

test("from 320 pixels on nothing is cut off, long labels and labels from right to left among it", async ({ page }) => {
  const file = JSON.parse(readFileSync(join(RECORDINGS, "when-it-goes-wrong.json"), "utf8")) as { labels: string[] };
  const labels = file.labels.map((label, at) => ["قطة صغيرة بيضاء", "Donaudampfschifffahrtsgesellschaftskapitän", "כלב", "a label of several words that takes a line or two"][at] ?? label);
  const lesson = new Lesson(page);
  for (const width of [320, 390, 768, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await lesson.open();
    await lesson.drop(Buffer.from(JSON.stringify({ ...file, labels })), "labels.json", "application/json");
    await expect(lesson.note).toContainText("From a file");
    await page.locator("body").press("End");
    expect(await scrollsSideways(page), `${width} pixels`).toBe(false);
    expect(await lesson.viewsCutOff(), `${width} pixels`).toEqual([]);
    await expect(lesson.story.locator("strong").first()).toHaveAttribute("dir", "auto");
  }
});
