/** Cancelling, several runs at once, and the engine's end, through the package. */

import type { Page } from "@playwright/test";

import type { AdaptProgress } from "../../web/src/index.js";
import { load, openBare } from "./bare.js";
import { expect, test } from "./test.js";

const LABELS = ["cat", "dog", "bird"];

/** In small pieces, so that there are many moments between them. */
const OPTIONS = { views: 6, chunkViews: 2, steps: 2, seed: 3 };

test.beforeEach(async ({ page }) => {
  await openBare(page);
});

/** How something ended, as far as it can be sent out of the page. */
type Ending = { readonly code: string; readonly message: string; readonly isClipTtlError: boolean } | { readonly value: unknown };

/** Adds helpers to the page: `endingOf` waits for a promise's end, `probabilities` is one whole run. */
async function addHelpers(page: Page): Promise<void> {
  await page.evaluate(
    async ({ labels, options }) => {
      // Runs begin in the order of their calls where none of them has to fetch its picture first.
      const picture = await (await fetch("./samples/chelsea.png")).blob();
      const endingOf = (promise: Promise<unknown>): Promise<Ending> =>
        promise.then(
          (value) => ({ value }),
          (error: unknown) => {
            const isClipTtlError = error instanceof window.clipTtl.ClipTtlError;
            return { code: isClipTtlError ? error.code : "none", message: String(error), isClipTtlError };
          },
        );
      const adapt = (more: object = {}): ReturnType<typeof window.clip.adapt> =>
        window.clip.adapt(picture, labels, { ...options, ...more });
      const probabilities = async (more: object = {}): Promise<string> => {
        const report = await adapt(more).result;
        return JSON.stringify([report.before, report.after, report.finalState, report.steps.map((step) => step.loss)]);
      };
      window.helpers = { endingOf, adapt, probabilities };
    },
    { labels: LABELS, options: OPTIONS },
  );
}

declare global {
  interface Window {
    helpers: {
      endingOf(promise: Promise<unknown>): Promise<Ending>;
      adapt(more?: object): ReturnType<Window["clip"]["adapt"]>;
      probabilities(more?: object): Promise<string>;
    };
  }
}

test("a run that is cancelled at any stage leaves nothing behind", async ({ page }) => {
  await load(page);
  await addHelpers(page);
  const outcome = await page.evaluate(async () => {
    const { endingOf, adapt, probabilities } = window.helpers;
    const undisturbed = await probabilities();
    // A run that differs, so that the next one begins from the start.
    const forget = (): Promise<string> => probabilities({ views: 1, steps: 1 });
    const stages: AdaptProgress["stage"][] = ["drawn", "encoding", "stepping", "measuring"];
    const cancelled: Record<string, { ending: Ending; zeroShot: Ending; seen: string[]; again: string }> = {};
    for (const stage of stages) {
      await forget();
      const seen: string[] = [];
      const run = adapt({
        onProgress: (progress: AdaptProgress) => {
          seen.push(progress.stage);
          if (progress.stage === stage) run.cancel();
        },
      });
      const [ending, zeroShot] = await Promise.all([endingOf(run.result), endingOf(run.zeroShot)]);
      cancelled[stage] = { ending, zeroShot, seen, again: await probabilities() };
    }
    return { undisturbed, cancelled };
  });
  for (const [stage, { ending, zeroShot, seen, again }] of Object.entries(outcome.cancelled)) {
    expect(ending, stage).toMatchObject({ code: "cancelled", isClipTtlError: true });
    expect(seen.at(-1), "nothing is told after the cancellation").toBe(stage);
    expect(again, `the result after a cancellation while ${stage}`).toBe(outcome.undisturbed);
    // The answer before adapting was known by then, or never will be.
    if (stage === "stepping" || stage === "measuring") expect(zeroShot, stage).toHaveProperty("value");
    else expect(zeroShot, stage).toMatchObject({ code: "cancelled" });
  }
});

test("a run is cancelled by a signal, by leaving its loop, and before it has begun", async ({ page }) => {
  await load(page);
  await addHelpers(page);
  const outcome = await page.evaluate(async () => {
    const { endingOf, adapt, probabilities } = window.helpers;
    const undisturbed = await probabilities();
    const abort = new AbortController();
    // Once it works: after a time it might be done, on a quick machine.
    const bySignal = adapt({ seed: 4, steps: 30, signal: abort.signal, onProgress: ({ stage }: AdaptProgress) => stage === "encoding" && abort.abort("enough") });
    const left = adapt({ seed: 5, steps: 30 });
    const steps: number[] = [];
    const late = endingOf(adapt({ signal: AbortSignal.abort() }).result);
    const first = await endingOf(bySignal.result);
    for await (const step of left) {
      steps.push(step.step);
      if (step.step === 2) break;
    }
    const finished = adapt({ seed: 6 });
    const report = await finished.result;
    finished.cancel();
    return {
      signal: first,
      loop: await endingOf(left.result),
      steps,
      before: await late,
      finished: (await finished.result) === report,
      classify: await endingOf(window.clip.classify("./samples/chelsea.png", ["a", "b"], { signal: AbortSignal.abort() })),
      undisturbed,
      again: await probabilities(),
    };
  });
  expect(outcome.signal).toMatchObject({ code: "cancelled", isClipTtlError: true });
  expect(outcome.loop).toMatchObject({ code: "cancelled" });
  expect(outcome.steps).toEqual([1, 2]);
  expect(outcome.before).toMatchObject({ code: "cancelled" });
  expect(outcome.classify).toMatchObject({ code: "cancelled" });
  expect(outcome.finished, "cancelling after the end changes nothing").toBe(true);
  expect(outcome.again).toBe(outcome.undisturbed);
});

test("loading is called off by its signal, and can be begun again", async ({ page }) => {
  await addHelpers(page);
  const endings = await page.evaluate(async () => {
    const { ClipTtl } = window.clipTtl;
    const { endingOf } = window.helpers;
    const abort = new AbortController();
    const early = await endingOf(ClipTtl.load({ signal: AbortSignal.abort() }));
    const midway = await endingOf(ClipTtl.load({ device: "cpu", signal: abort.signal, onProgress: ({ stage }) => (stage === "download" ? abort.abort() : undefined) }));
    return [early, midway];
  });
  for (const ending of endings) expect(ending).toMatchObject({ code: "cancelled", isClipTtlError: true });
  await expect.poll(() => page.workers().length, { message: "workers that are left" }).toBe(0);
  await load(page);
  expect(await page.evaluate(() => window.helpers.probabilities())).toContain("cat");
});

test("two runs at once both finish, in turn, as if each were alone", async ({ page }) => {
  await load(page);
  await addHelpers(page);
  const outcome = await page.evaluate(async () => {
    const { endingOf, adapt, probabilities } = window.helpers;
    const alone = [await probabilities({ seed: 1 }), await probabilities({ seed: 2 })];
    const order: string[] = [];
    const told = (name: string) => ({ onProgress: (progress: AdaptProgress) => void order.push(`${name} ${progress.stage}`) });
    const first = probabilities({ seed: 1, ...told("first") });
    const second = probabilities({ seed: 2, ...told("second") });
    const answer = window.clip.classify("./samples/chelsea.png", ["cat", "dog"]);
    const third = adapt({ seed: 9, ...told("third") });
    third.cancel();
    const together = await Promise.all([first, second]);
    const thirdEnding = await endingOf(third.result);
    return { alone, together, order, answer: (await answer).length, third: thirdEnding };
  });
  expect(outcome.together).toEqual(outcome.alone);
  expect(outcome.alone[0]).not.toBe(outcome.alone[1]);
  expect(outcome.answer).toBe(2);
  expect(outcome.third).toMatchObject({ code: "cancelled" });
  expect(outcome.order).toContain("second queued");
  const firstEnds = outcome.order.lastIndexOf("first measuring");
  const secondBegins = outcome.order.indexOf("second encoding");
  expect(firstEnds).toBeGreaterThan(0);
  expect(secondBegins).toBeGreaterThan(firstEnds);
});

test("disposing ends everything that is awaited, and the worker", async ({ page }) => {
  await load(page);
  await addHelpers(page);
  expect(page.workers()).toHaveLength(1);
  const outcome = await page.evaluate(async () => {
    const { endingOf, adapt } = window.helpers;
    const run = adapt({ steps: 20 });
    const running = Promise.all([endingOf(run.result), endingOf(run.zeroShot), endingOf(window.clip.classify("./samples/chelsea.png", ["a", "b"]))]);
    await new Promise<void>((resolve) => void adapt({ onProgress: () => resolve() }));
    window.clip.dispose();
    window.clip.dispose();
    return { running: await running, later: [await endingOf(adapt().result), await endingOf(window.clip.classify("./samples/chelsea.png", ["a", "b"])), await endingOf(window.clip.memoryBytes())] };
  });
  for (const ending of [...outcome.running, ...outcome.later]) expect(ending).toMatchObject({ code: "disposed", isClipTtlError: true });
  await expect.poll(() => page.workers().length).toBe(0);
});

test("an engine that crashes says so, and another one can be loaded", async ({ page }) => {
  await load(page);
  await addHelpers(page);
  const outcome = await page.evaluate(async () => {
    const { endingOf, adapt } = window.helpers;
    const run = adapt({ steps: 20 });
    await run.zeroShot;
    window.clip.breakForTests("panic");
    return [await endingOf(run.result), await endingOf(window.clip.classify("./samples/chelsea.png", ["a", "b"]))];
  });
  for (const ending of outcome) {
    expect(ending).toMatchObject({ code: "engine-crashed", isClipTtlError: true });
    expect(ending).toHaveProperty("message", expect.stringMatching(/Load again/));
  }
  await load(page);
  expect(await page.evaluate(() => window.helpers.probabilities())).toContain("cat");
});
