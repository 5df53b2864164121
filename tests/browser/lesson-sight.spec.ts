/** Whoever presses something in the lesson sees and hears what it does, wherever on the page that is. */

import { Lesson } from "./lesson-page.js";
import { HARM, MARGIN, WATCH } from "./lesson-runs.js";
import { expect, test } from "./test.js";

for (const reducedMotion of ["reduce", "no-preference"] as const) {
  test(`a lesson's link leads to the stage and says what is there now: motion ${reducedMotion}`, async ({ page }) => {
    await page.emulateMedia({ reducedMotion });
    await page.setViewportSize({ width: 390, height: 844 });
    const lesson = new Lesson(page);
    await lesson.open();
    const expectStage = async (title: string): Promise<void> => {
      await expect(lesson.title).toHaveText(title);
      await expect(lesson.title).toBeFocused();
      await expect(lesson.title).toBeInViewport();
      await expect(lesson.announcer).toContainText(`“${title}” is shown now.`);
    };
    await page.locator("#harm a").click();
    await expectStage("When it goes wrong");
    const margin = page.getByRole("link", { name: "The margin", exact: true });
    await margin.click();
    await expectStage("The margin");
    await expect.poll(() => page.url()).toContain("b.margin=1.4");
    await margin.click();
    await expectStage("The margin");
  });
}

test("a run plays by itself once it is there, but not where nobody would see it", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const lesson = new Lesson(page);
  await page.goto("./lesson.html#picture=horses.jpg&labels=sheep,horse&views=2&seed=3");
  await lesson.done();
  await expect(lesson.state, "who wants less motion sees none").toHaveText("Before any of 1 update");
  await page.emulateMedia({ reducedMotion: "no-preference" });
  for (const { place, state } of [
    { place: "#run", state: "Before any of 1 update" },
    { place: "#walk", state: "After 1 of 1 update" },
  ]) {
    await page.locator(place).evaluate((element) => element.scrollIntoView({ behavior: "instant" }));
    // A click would scroll to the button.
    await lesson.runButton.dispatchEvent("click");
    await lesson.done();
    await expect(lesson.play).toHaveText("Play");
    await expect(lesson.state, `at ${place}`).toHaveText(state);
  }
});

test("a step by a button or a key is said; the scrubber says its own, and what plays is silent", async ({ page }) => {
  const lesson = new Lesson(page);
  await lesson.open(`${HARM}&state=0`);
  await page.getByRole("button", { name: "One update on" }).click();
  await expect(lesson.announcer).toHaveText(/^After 1 of 3 updates: .+; mean entropy of the views [\d.]+ nats$/);
  await page.locator("body").press("ArrowRight");
  await expect(lesson.announcer).toHaveText(/^After 2 of 3 updates: /);
  await lesson.scrubber.focus();
  await lesson.scrubber.press("Home");
  await expect(lesson.state).toHaveText("Before any of 3 updates");
  await lesson.play.click();
  await expect(lesson.state).toHaveText("After 1 of 3 updates");
  await expect(lesson.announcer).toHaveText(/^After 2 of 3 updates: /);
});

test("what goes away hands the focus on", async ({ page }) => {
  const lesson = new Lesson(page);
  await lesson.open(`${MARGIN}&state=0&b.margin=1.4`);
  await page.getByRole("button", { name: "Remove run B" }).click();
  await expect(page.getByRole("button", { name: "Run B next to it" })).toBeFocused();

  // Where the mouse lies it points at no view, wherever the page scrolls.
  await page.mouse.move(0, 0);
  await lesson.story.getByRole("button", { name: /^View \d+$/ }).first().focus();
  await expect(lesson.views, "its box alone is shown").toHaveCount(0);
  await page.keyboard.press("ArrowRight");
  await expect(lesson.state).toHaveText("After 1 of 3 updates");
  await expect(page.locator("#story")).toBeFocused();
  await expect(lesson.views).toHaveCount(24);
});

test("the player covers nothing that one has scrolled to, and on a low screen it scrolls away", async ({ page }) => {
  const lesson = new Lesson(page);
  await lesson.open(`${WATCH}&state=0`);
  const scrollToStrip = (): Promise<void> => page.locator("#strip").evaluate((strip) => strip.scrollIntoView({ behavior: "instant" }));
  for (const width of [1280, 768, 390, 320]) {
    await page.setViewportSize({ width, height: 800 });
    await scrollToStrip();
    const [player, strip] = await Promise.all([page.locator("#player").boundingBox(), page.locator("#strip").boundingBox()]);
    expect(player?.y, `${width} pixels: it stays in sight`).toBeCloseTo(0, 0);
    expect(strip?.y, `${width} pixels`).toBeGreaterThanOrEqual(player?.height ?? NaN);
  }
  // A window of 1280 x 1024 pixels, enlarged four times.
  await page.setViewportSize({ width: 320, height: 256 });
  await scrollToStrip();
  await expect(page.locator("#player")).not.toBeInViewport();
});
