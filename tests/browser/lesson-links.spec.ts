/** The lesson's links: what they ask for is what is on stage and in the address, whatever else is chosen, called off or still to come. */

import { hold } from "./hold.js";
import { HubServer } from "./hub-server.js";
import { Lesson } from "./lesson-page.js";
import { WATCH } from "./lesson-runs.js";
import { CHELSEA } from "./pictures.js";
import { expect, test } from "./test.js";
import { tinyClip } from "./tiny-clip.js";

/** Quickly computed, and recorded nowhere. */
const SMALL = "picture=horses.jpg&labels=sheep,horse,cow&steps=2&views=4&seed=3";

test("a link to a run that is recorded nowhere computes it, and the same again", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const lesson = new Lesson(page);
  await lesson.open(`${SMALL}&state=1`);
  await lesson.done();
  await expect(lesson.state).toHaveText("After 1 of 2 updates");
  await expect(lesson.note).toContainText("Computed in this browser");
  const bars = await lesson.bars();
  const norms = await lesson.norms();
  expect(norms.flat().every((norm) => norm > 0)).toBe(true);

  await test.step("B beside it", async () => {
    await page.getByLabel("Rank", { exact: true }).first().fill("16");
    await page.getByRole("button", { name: "Run B next to it" }).click();
    await expect(page.locator("#compare-problem")).toContainText("B would be A");
    await page.locator("#compare-rank").fill("400");
    await page.getByRole("button", { name: "Run B next to it" }).click();
    await expect(page.locator("#compare-rank")).toHaveAttribute("aria-invalid", "true");
    await page.locator("#compare-rank").fill("4");
    await page.getByRole("button", { name: "Run B next to it" }).click();
    await lesson.done();
    expect(await lesson.bars("a")).toEqual(bars);
    expect((await lesson.bars("b")).map(([, before]) => before).sort()).toEqual(bars.map(([, before]) => before).sort());
    await expect.poll(() => page.url()).toContain("b.rank=4");
  });

  await page.reload();
  await lesson.shown();
  await lesson.done();
  expect(await lesson.bars("a")).toEqual(bars);
  expect(await lesson.norms("a")).toEqual(norms);
  await expect(lesson.column("b")).toContainText("rank 4 instead of 16");
});

test("a run that is called off changes nothing: the address and run B are those of the run on stage", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const release = await hold(page, "**/clip_ttl_cpu_bg.wasm");
  const lesson = new Lesson(page);
  await lesson.open(`${WATCH}&state=0`);
  await page.locator("#change summary").click();
  await page.locator("#labels").fill("cat\ndog");
  await lesson.runButton.click();
  await expect(lesson.device).toHaveText("Loading …");
  await lesson.cancelButton.click();
  await expect(lesson.status).toHaveText("Cancelled.");
  await page.getByRole("button", { name: "One update on" }).click();
  await expect.poll(() => new URL(page.url()).hash).toBe(`#${WATCH}&state=1`);
  release();
  await lesson.runOther(4);
  const labels = async (which: "a" | "b"): Promise<(string | undefined)[]> => (await lesson.bars(which)).map(([label]) => label).sort();
  expect(await labels("b")).toEqual(await labels("a"));
  await expect.poll(() => new URL(page.url()).hash).toBe(`#${WATCH}&state=1&b.rank=4`);
});

test("a run that is called off, or fails, is not promised any more", async ({ page, watch }) => {
  watch.allowError(/503|Failed to load resource/);
  const release = await hold(page, "**/clip_ttl_cpu_bg.wasm", { status: 503 });
  const lesson = new Lesson(page);
  await page.goto(`./lesson.html#${SMALL}`);
  await expect(lesson.device).toHaveText("Loading …");
  await expect(lesson.note).toContainText("as soon as the model is there");
  await lesson.cancelButton.click();
  await expect(lesson.note).toContainText("Press “Run it here”");
  await page.goto(`./lesson.html#${SMALL}&rank=8`);
  await expect(lesson.note).toContainText("as soon as the model is there");
  release();
  await expect(lesson.status).toHaveText(/^The run stopped\./);
  await expect(lesson.note).toContainText("Press “Run it here”");
});

test("what one types for run B stays while run A is computed, and goes with another link", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const release = await hold(page, "**/clip_ttl_cpu_bg.wasm");
  const lesson = new Lesson(page);
  await page.goto(`./lesson.html#${SMALL}`);
  await expect(lesson.note).toContainText("as soon as the model is there");
  const rank = page.locator("#compare-rank");
  await rank.fill("4");
  await page.getByRole("button", { name: "Run B next to it" }).click();
  await expect(page.locator("#compare-problem"), "it is said at the form").toHaveText("Run A first: then B can look at the same views.");
  await expect(lesson.problem).toBeHidden();
  release();
  await lesson.done();
  await expect(rank).toHaveValue("4");
  await page.getByRole("link", { name: "The margin", exact: true }).click();
  await expect(lesson.title).toHaveText("The margin");
  await expect(rank).toHaveValue("16");
  await expect(page.locator("#compare-margin")).toHaveValue("1.4");
});

test("a lesson that one chooses is not overtaken by a run that the page was about to compute", async ({ page }) => {
  // The page has a moment of rest when the test says so.
  await page.addInitScript(() => {
    const waiting: IdleRequestCallback[] = [];
    Object.assign(window, {
      requestIdleCallback: (callback: IdleRequestCallback) => waiting.push(callback),
      rest: () => waiting.splice(0).forEach((callback) => callback({ didTimeout: false, timeRemaining: () => 50 })),
    });
  });
  const release = await hold(page, "**/lessons/watch-one-update.json");
  const lesson = new Lesson(page);
  await page.goto(`./lesson.html#${SMALL}`);
  await expect(lesson.note).toContainText("as soon as the model is there");
  const asked = page.waitForRequest("**/lessons/watch-one-update.json");
  await page.getByRole("link", { name: "Watch one update", exact: true }).click();
  await asked;
  await page.evaluate(() => (Reflect.get(window, "rest") as () => void)());
  release();
  await expect(lesson.title).toHaveText("Watch one update");
  await expect(lesson.tiles).toHaveCount(24);
  await expect(lesson.device, "nothing is computed").toBeEmpty();
});

test("run B stands beside a run of the same model: one that was recorded with another is made anew", async ({ page, watch }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const [model, commit] = ["somebody/tiny-clip", "0123456789abcdef0123456789abcdef01234567"];
  const { config, preprocessor, weights } = tinyClip();
  const files = { "config.json": config, "preprocessor_config.json": preprocessor, "model.safetensors": weights };
  const hub = await HubServer.start({ [model]: { commits: { [commit]: files }, refs: { main: commit } } });
  watch.allowRequest(hub.pattern);
  try {
    const lesson = new Lesson(page);
    await page.goto(`./lesson.html?${new URLSearchParams({ model, hub: hub.url }).toString()}#${WATCH}&state=0`);
    await lesson.shown();
    await expect(lesson.note).toContainText("Recorded with Pocket CLIP");
    await expect(lesson.status).toContainText(`The link asks for the model ${model}`);
    await lesson.runOther(4);
    await expect(lesson.note).toContainText("Computed in this browser");
    const before = async (which: "a" | "b"): Promise<string[]> => (await lesson.bars(which)).map(([label, share]) => `${label} ${share}`).sort();
    expect(await before("b"), "before any update both say the same").toEqual(await before("a"));
  } finally {
    await hub.stop();
  }
});

test("what a link asks for that can't be is left out with a note; markup in it stays text", async ({ page }) => {
  const lesson = new Lesson(page);
  await lesson.open(`${WATCH}&rank=9999&b.seed=1&onload=x&template=none&state=77`);
  await expect(lesson.linkNote).toContainText("“rank=9999” isn’t a whole number from 1 to 64");
  await expect(lesson.linkNote).toContainText("b.seed");
  await expect(lesson.state).toHaveText("After 1 of 1 update");
  await page.goto("./lesson.html#picture=nothing-like-it.jpg&labels=%3Cimg%20src=x%20onerror=alert(1)%3E,b&seed=1");
  await expect(lesson.linkNote).toContainText("no sample picture “nothing-like-it.jpg”");
  await expect(page.locator("#labels")).toHaveValue("<img src=x onerror=alert(1)>\nb");
  await page.goto("./lesson.html?dtype=q9");
  await lesson.shown();
  await expect(lesson.linkNote).toHaveText("The link asks for the format “q9”; there are q8, q4, f16 and f32.");
});

test("a link with a picture of one's own says that the picture isn't in it, and runs with the one that is chosen", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const lesson = new Lesson(page);
  await page.goto("./lesson.html#picture=own&labels=cat,dog&views=4&seed=5");
  await expect(lesson.linkNote).toContainText("not in the link");
  await expect(lesson.note).toContainText("The picture isn’t in the link");
  await lesson.drop(CHELSEA, "mine.png", "image/png");
  await lesson.done();
  await expect(page.locator("#picture-caption")).toContainText("mine.png, 451 × 300 pixels");
  await expect(lesson.tiles).toHaveCount(4);
  await expect.poll(() => page.url()).toContain("picture=own&labels=cat,dog");
});

test("a link to a run that isn't here leaves nothing of the run before on stage, and unfolds where its picture is chosen", async ({ page }) => {
  const lesson = new Lesson(page);
  await lesson.open(`${WATCH}&state=0`);
  await expect(lesson.column("a")).toBeVisible();
  await expect(lesson.change).not.toHaveAttribute("open");
  await page.goto("./lesson.html#picture=own&labels=cat,dog&views=4&seed=5");
  await expect(lesson.note).toContainText("The picture isn’t in the link. Choose it below");
  await expect(lesson.column("a")).toBeHidden();
  await expect(lesson.change).toHaveAttribute("open");
});

for (const { link, picture, says } of [
  { link: "a picture of one's own", picture: "own", says: "The picture isn’t in the link" },
  { link: "a sample, whose run isn't there yet,", picture: "horses.jpg", says: "This run isn’t recorded" },
]) {
  test(`a link to two runs with ${link} shows both with the picture that is chosen, at its state, and so does the address`, async ({ page }) => {
    await page.emulateMedia({ reducedMotion: "reduce" });
    const release = await hold(page, "**/clip_ttl_cpu_bg.wasm");
    const lesson = new Lesson(page);
    await page.goto(`./lesson.html#picture=${picture}&labels=cat,dog&views=4&seed=5&state=1&b.rank=4`);
    await expect(lesson.note).toContainText(says);
    await lesson.drop(CHELSEA, "mine.png", "image/png");
    await expect(page.locator("#picture-caption")).toContainText("mine.png");
    await expect(lesson.linkNote).toBeHidden();
    release();
    await lesson.done();
    await expect(lesson.column("b")).toContainText("rank 4 instead of 16");
    await expect(lesson.state).toHaveText("After 1 of 1 update");
    await expect.poll(() => new URL(page.url()).hash).toBe("#picture=own&labels=cat,dog&views=4&seed=5&state=1&b.rank=4");
  });
}

test("choosing a picture for a link with another model doesn't load that model", async ({ page }) => {
  const lesson = new Lesson(page);
  await page.goto("./lesson.html?model=openai/clip-vit-base-patch32#picture=own&labels=cat,dog&views=4&seed=5");
  await expect(lesson.note).toContainText("The picture isn’t in the link");
  await lesson.drop(CHELSEA, "mine.png", "image/png");
  await expect(lesson.note).toContainText("Press “Run it here”");
  await expect(page.locator("#picture-caption")).toContainText("mine.png");
  await expect(lesson.device, "nothing is loaded").toBeEmpty();
});

test("the lesson is reached from the demo with its state, and leads back", async ({ page }) => {
  await page.goto("./#picture=bee.jpg&labels=bee,fly&views=4&seed=2&rank=8");
  await expect(page.locator("#picture-caption")).toContainText("Honey bee");
  await expect(page.locator("#walk")).toHaveAttribute("href", /lesson\.html#picture=bee\.jpg&labels=bee,fly&views=4&rank=8&seed=2$/);
  await page.locator("#walk").click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Walk through one run");
  const lesson = new Lesson(page);
  await lesson.done();
  await expect(lesson.tiles).toHaveCount(4);
  await page.locator("#to-demo").click();
  await expect(page.locator("#labels")).toHaveValue("bee\nfly");
  await expect(page.locator("#picture-caption")).toContainText("Honey bee");
});
