/** Files in the lesson: a run that was saved opens again as it was, and what can't be read is said where one sees it. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { TtlReport } from "../../web/src/index.js";
import { Lesson } from "./lesson-page.js";
import { RECORDINGS } from "./lesson-runs.js";
import { png } from "./pictures.js";
import { expect, test } from "./test.js";

/** Wider than the copy that a file of a run holds. */
const WIDE = png(960, 240, (x, y) => (((x >> 5) + (y >> 4)) % 2 === 0 ? [220, 60 + (x >> 3), 40] : [30, 80, y]));

test("the file of a run with a large picture of one's own holds a small copy, and opens with the same crops", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const lesson = new Lesson(page);
  await page.goto("./lesson.html#picture=own&labels=cat,dog&views=8&seed=5");
  await expect(lesson.note).toContainText("The picture isn’t in the link");
  await lesson.drop(WIDE, "wide.png", "image/png");
  await lesson.done();
  await expect(page.locator("#picture-caption")).toContainText("wide.png, 960 × 240 pixels");
  const described = await lesson.describedViews();
  const file = await lesson.save("Run (JSON)");
  const { views } = JSON.parse(file.toString()) as TtlReport;
  const centre = views[0]?.box;
  expect(centre?.left).toBeCloseTo(240, 0);
  expect(centre?.width).toBeCloseTo(160, 0);
  expect(Math.max(...views.map(({ box }) => box.left + box.width))).toBeLessThanOrEqual(640.5);
  expect(Math.max(...views.map(({ box }) => box.top + box.height))).toBeLessThanOrEqual(160.5);

  await page.goto("./lesson.html");
  await lesson.shown();
  await lesson.drop(file, "run.json", "application/json");
  await expect(lesson.note).toContainText("From a file");
  await expect(page.locator("#picture-caption")).toContainText("run.json, 640 × 160 pixels");
  expect(await lesson.describedViews()).toEqual(described);
});

test("a dropped file that is no picture is said to be none where one sees it", async ({ page }) => {
  const lesson = new Lesson(page);
  await lesson.open();
  await lesson.drop(Buffer.from("not a picture"), "notes.txt", "text/plain");
  const problem = page.locator("#own-picture-problem");
  await expect(problem).toContainText("“notes.txt” can’t be read as a picture");
  await expect(problem).toBeInViewport();
});

test("a damaged recording is said to be none where one sees it, and what was there stays", async ({ page }) => {
  const file = JSON.parse(readFileSync(join(RECORDINGS, "when-it-goes-wrong.json"), "utf8")) as TtlReport;
  const lesson = new Lesson(page);
  await lesson.open();
  const problem = page.locator("#recording-problem");
  for (const { change, says } of [
    { change: { picture: "data:image/png;base64,AAAAA" }, says: "its picture is damaged" },
    { change: { options: { ...file.options, cropScale: [] } }, says: "options.cropScale has 0 entries, not 2" },
  ]) {
    await lesson.drop(Buffer.from(JSON.stringify({ ...file, ...change })), "damaged.json", "application/json");
    await expect(problem).toHaveText(`“damaged.json” is not a recorded run: ${says}.`);
    await expect(problem).toBeInViewport();
    await expect(lesson.title).toHaveText("Watch one update");
  }
});
