/** The page as a person uses it: from the first look to the answers before and after. */

import type { EpisodeReport } from "../../web/src/index.js";
import { load, openBare } from "./bare.js";
import { Demo } from "./demo.js";
import { hold } from "./hold.js";
import { startOtherSite } from "./other-site.js";
import { CHELSEA, HORSES, SAMPLES } from "./pictures.js";
import { tasksDuring } from "./tasks.js";
import { expect, test } from "./test.js";
import { replacePocket } from "./tiny-clip.js";

/** The pocket model, 64 views, one step: on an idle two-core machine less than 10 s. Others may be at work on it. */
const EPISODE_LIMIT_MS = 60_000;
/** Anything longer is felt as a stutter. */
const TASK_LIMIT_MS = 100;

test("the page is there and can be used before the engine has come", async ({ page }) => {
  const release = await hold(page, "**/clip_ttl_cpu_bg.wasm");
  const demo = new Demo(page);
  await demo.open();
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  const painted = await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  expect(await painted.jsonValue()).toBeGreaterThan(0);
  await expect(page.locator("#preview")).toBeVisible();
  await expect(demo.device).toHaveText("Loading …");
  await expect(page.getByRole("progressbar")).toBeVisible();

  await demo.setLabels(["cat", "dog"]);
  await expect(demo.rows).toHaveCount(2);
  await demo.set("Views", 4);
  await demo.runButton.click();
  await expect(demo.status).toHaveText(/model/);
  await expect(demo.cancelButton).toHaveAttribute("aria-disabled", "false");
  release();
  await demo.done();
  await expect(demo.tiles).toHaveCount(4);
});

test("a picture is dropped, chosen, pasted, fetched from an address, or taken from the samples", async ({ page, watch }) => {
  const demo = new Demo(page);
  await demo.openReady();
  await demo.setLabels(["horse", "cat", "dog"]);
  await demo.compared();
  const first = async (): Promise<string> => ((await demo.bars())[0] ?? { label: "none" }).label;

  await demo.drop(CHELSEA, "dropped.png", "image/png");
  await expect(demo.caption).toHaveText("dropped.png, 451 × 300 pixels");
  await demo.compared();
  expect(await first()).toBe("cat");

  await demo.choose(HORSES, "chosen.jpg", "image/jpeg");
  await expect(demo.caption).toContainText("chosen.jpg");
  await demo.compared();
  expect(await first()).toBe("horse");

  await demo.paste(CHELSEA, "pasted.png", "image/png");
  await expect(demo.caption).toContainText("pasted.png");
  await demo.compared();
  expect(await first()).toBe("cat");

  const samples = page.getByRole("group", { name: "Sample pictures" }).getByRole("button");
  const note = page.locator("#sample-note");
  expect(await samples.count()).toBeGreaterThanOrEqual(3);
  await expect(samples.filter({ hasText: "✗" }).first(), "what fails is shown as well").toHaveAccessibleName(/: stays wrong$/);
  await expect(note, "nothing is said of somebody's own picture").toBeEmpty();
  await samples.first().click();
  await expect(samples.first()).toHaveAttribute("aria-pressed", "true");
  await expect(demo.caption).toContainText(", by ");
  await expect(note).toHaveText(SAMPLES[0]?.note ?? "none");
  await expect(demo.labels, "labels that were written stay").toHaveValue("horse\ncat\ndog");

  const other = await startOtherSite();
  try {
    watch.allowRequest(new RegExp(`^${other.url}`));
    await demo.takeAddress(`${other.url}open.png`);
    await expect(demo.caption).toHaveText("open.png, 451 × 300 pixels");
    await demo.compared();
    expect(await first()).toBe("cat");
    expect(other.requests, "nothing but the picture was asked for").toEqual(["GET /open.png"]);
  } finally {
    await other.close();
  }

  await page.getByRole("button", { name: "Remove" }).click();
  await expect(demo.caption).toContainText("No picture yet");
  await expect(page.locator("#preview")).toBeHidden();
  await expect(page.locator("#bars tbody td").first()).not.toContainText("%");
});

test("a default run on the CPU shows the answers before and after, the plot and the views, in time", async ({ page, context, browser }) => {
  test.setTimeout(EPISODE_LIMIT_MS + 180_000);
  const methods = new Set<string>();
  context.on("request", (request) => void methods.add(request.method()));
  const labels = ["cat", "dog", "bird", "horse", "fish", "frog", "rabbit", "bear", "insect", "snake"];
  const demo = new Demo(page);

  let wallMs = NaN;
  const tasks = await tasksDuring(browser, page, async () => {
    await demo.openReady();
    await demo.drop(CHELSEA, "chelsea.png", "image/png");
    await demo.setLabels(labels);
    await demo.setDevice("cpu");
    await demo.loaded();
    await expect(demo.caption).toContainText("chelsea.png");
    await demo.compared();
    const before = await demo.bars();
    expect(before.every(({ after, change }) => after === null && change === null)).toBe(true);
    expect(total(before.map((row) => row.before))).toBeCloseTo(100, 0);

    const start = performance.now();
    await demo.run();
    wallMs = performance.now() - start;
  });
  const longestMs = Math.max(...tasks);
  const description = `${Math.round(wallMs)} ms from Run to the result; the page's longest task took ${Math.round(longestMs)} ms`;
  test.info().annotations.push({ type: "default episode", description });
  expect(wallMs).toBeLessThan(EPISODE_LIMIT_MS);
  expect(tasks.length).toBeGreaterThan(100);
  expect(longestMs, "the page's longest task in ms").toBeLessThanOrEqual(TASK_LIMIT_MS);
  await expect(demo.device).toHaveText("Running on the CPU");
  await expect(demo.status).toHaveText(/^1 update in .+ on the CPU\.$/);

  const report = await sameRunInBarePage(page, labels);
  await test.step("the bars are the reported probabilities, the likeliest first", async () => {
    const rows = await demo.bars();
    const byAfter = [...report.after].sort((a, b) => b.probability - a.probability);
    expect(rows.map(({ label }) => label)).toEqual(byAfter.map(({ label }) => label));
    for (const { label, before, after, change } of rows) {
      const index = labels.indexOf(label);
      const [reportedBefore, reportedAfter] = [report.before[index]?.probability ?? NaN, report.after[index]?.probability ?? NaN];
      expect(before, `${label} before`).toBeCloseTo(reportedBefore * 100, 0);
      expect(after, `${label} after`).toBeCloseTo(reportedAfter * 100, 0);
      expect(change, `${label}'s change`).toBeCloseTo((reportedAfter - reportedBefore) * 100, 0);
    }
    expect(rows.some(({ change }) => change !== null && Math.abs(change) > 1)).toBe(true);
    await expect(demo.sentence).toContainText(byAfter[0]?.label ?? "no label");
  });

  await test.step("the plot has a point for each value, and its table the reported numbers", async () => {
    const [step] = report.steps;
    const { finalState } = report;
    if (step === undefined || finalState === null) throw new Error("the report has no step or no final state");
    const written = (values: number[]): string[] => values.map((value) => value.toFixed(3));
    expect(await demo.plotTable()).toEqual([
      ["0", ...written([report.beforeEntropy, step.entropy, step.marginalEntropy, step.loss])],
      ["1", ...written([step.predictionEntropy, finalState.entropy, finalState.marginalEntropy, finalState.loss])],
    ]);
    for (const series of ["prediction", "mean", "marginal", "loss"] as const) await expect(demo.points(series)).toHaveCount(2);
  });

  await test.step("each view has a thumbnail, its entropy and its weight", async () => {
    await expect(demo.tiles).toHaveCount(64);
    for (const index of [0, 1, 63]) {
      const view = report.views[index];
      const entropy = new RegExp(`entropy ${view?.entropyBefore?.toFixed(2)} → ${view?.entropyAfter?.toFixed(2)} nats`);
      await expect(demo.tiles.nth(index)).toHaveAttribute("aria-label", entropy);
      await expect(demo.tiles.nth(index)).toHaveAttribute("aria-label", new RegExp(`weight ${view?.weight?.toFixed(2)}`));
    }
    expect(await page.locator("#strip canvas").evaluateAll(countDrawn)).toBe(64);
    expect(await page.locator("#overlay rect, #overlay path").count()).toBeGreaterThanOrEqual(64);
  });

  expect([...methods], "nothing is ever sent").toEqual(["GET"]);
});

test("steps are added one by one, and reset goes back to the answer before", async ({ page }) => {
  const demo = new Demo(page);
  await demo.openReady();
  await demo.set("Views", 4);
  await demo.set("Steps", 2);
  const before = await demo.bars();
  await demo.run();
  expect((await demo.plotTable()).map(([updates]) => updates)).toEqual(["0", "1", "2"]);
  const two = await demo.plotTable();

  await demo.stepButton.click();
  await demo.done();
  await expect(demo.status).toHaveText(/^3 updates/);
  const three = await demo.plotTable();
  expect(three).toHaveLength(4);
  expect(three.slice(0, 3)).toEqual(two);

  await demo.resetButton.click();
  expect(await demo.bars()).toEqual(before);
  expect(await demo.plotTable()).toHaveLength(1);
  await expect(demo.resetButton).toHaveAttribute("aria-disabled", "true");
});

test("the views of an earlier run, or of a picture that was taken away, are not shown any more", async ({ page }) => {
  const demo = new Demo(page);
  const drawn = (): Promise<number> => page.locator("#strip canvas").evaluateAll(countDrawn);
  await demo.openReady();
  await demo.set("Views", 4);
  const undo: readonly (readonly [what: string, undo: () => Promise<void>])[] = [
    ["reset", () => demo.resetButton.click()],
    ["other labels", () => demo.setLabels(["cat", "dog"])],
    ["no picture", () => page.getByRole("button", { name: "Remove" }).click()],
  ];
  for (const [what, act] of undo) {
    await demo.run();
    await expect.poll(drawn).toBe(4);
    await act();
    await expect(page.locator("#strip"), what).toContainText("4 views will be cut");
    expect(await drawn(), `thumbnails after: ${what}`).toBe(0);
    await expect(demo.status).toHaveText(/^(Ready|Back to)/);
  }
});

test("every setting has its limits and says what it does; a value out of range is marked and not used", async ({ page }) => {
  const demo = new Demo(page);
  await demo.openReady();
  await demo.openSettings();
  const names = ["Steps", "Learning rate", "Views", "Smallest crop", "Rank", "Alpha", "Layers", "Margin", "Seed", "Device"];
  for (const name of names) {
    const field = page.locator("#controls").getByLabel(name, { exact: true });
    await expect(field, name).toHaveAccessibleDescription(/\w+ \w+.*\./);
  }
  await demo.set("Views", "many");
  const views = page.locator("#controls").getByLabel("Views", { exact: true });
  await expect(views).toHaveAttribute("aria-invalid", "true");
  await expect(views).toHaveAccessibleDescription(/from 1 to 256/);
  await demo.runButton.click();
  await expect(views).toBeFocused();
  await expect(demo.status).toHaveText(/Correct the marked setting/);

  await demo.set("Views", 3);
  await expect(views).not.toHaveAttribute("aria-invalid", "true");
  await demo.run();
  await expect(demo.tiles).toHaveCount(3);
  await page.getByRole("button", { name: "Back to the paper’s defaults" }).click();
  await expect(views).toHaveValue("64");
});

test("a setting that the model refuses is shown and has the focus, however far below it is", async ({ page }) => {
  // Three layers.
  await replacePocket(page);
  const demo = new Demo(page);
  await demo.openReady();
  await demo.set("Layers", 12);
  const layers = page.locator("#controls").getByLabel("Layers", { exact: true });
  await page.locator("#settings summary").click();
  await expect(layers).toBeHidden();
  await demo.runButton.click();
  await expect(layers).toBeFocused();
  await expect(layers).toHaveAccessibleDescription(/from 1 to 3 with this model/);
});

/** What the package reports for the page's default run. */
async function sameRunInBarePage(page: Demo["page"], labels: string[]): Promise<EpisodeReport> {
  const bare = await page.context().newPage();
  await openBare(bare);
  await load(bare);
  const report = await bare.evaluate((labels) => window.clip.adapt("./samples/chelsea.png", labels).result, labels);
  await bare.close();
  return report;
}

function total(values: readonly (number | null)[]): number {
  return values.reduce<number>((sum, value) => sum + (value ?? NaN), 0);
}

/** Runs in the page: how many of the canvases show something. */
function countDrawn(canvases: (HTMLElement | SVGElement)[]): number {
  return canvases.filter((canvas) => {
    if (!(canvas instanceof HTMLCanvasElement)) return false;
    const pixels = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    return new Set(pixels).size > 8;
  }).length;
}
