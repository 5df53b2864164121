/** How the page looks and whether everybody can use it: phone and desktop, light and dark, keyboard only. */

import type { Locator } from "@playwright/test";

import { scrollsSideways, violations } from "./accessibility.js";
import { Demo } from "./demo.js";
import { expect, test } from "./test.js";

const SIZES = [
  { name: "phone", width: 390, height: 844 },
  { name: "desktop", width: 1280, height: 900 },
] as const;

for (const { name, width, height } of SIZES) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`without a picture, with an answer and with errors: ${name}, ${colorScheme}`, async ({ page }, info) => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const demo = new Demo(page);
      await demo.openReady();
      for (const state of ["empty", "answer", "error"] as const) {
        if (state === "empty") {
          await page.getByRole("button", { name: "Remove" }).click();
        } else if (state === "answer") {
          await page.getByRole("group", { name: "Sample pictures" }).getByRole("button").first().click();
          await demo.compared();
          await demo.set("Views", 6);
          await demo.set("Steps", 3);
          await demo.run();
        } else {
          await demo.drop(Buffer.from("no picture"), "letter.png", "image/png");
          await expect(demo.pictureProblem).toBeVisible();
          await demo.setLabels(["cat", "cat"]);
          await expect(demo.labelsProblem).toBeVisible();
        }
        await page.screenshot({ path: info.outputPath(`${state}.png`), fullPage: true });
        expect(await violations(page), state).toEqual([]);
        expect(await scrollsSideways(page), state).toBe(false);
      }
    });
  }
}

for (const width of [320, 390, 1280]) {
  test(`on a screen of ${width} pixels nothing is cut off, and no two texts of the bars lie on each other`, async ({ page }) => {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ reducedMotion: "reduce" });
    const demo = new Demo(page);
    await demo.openReady();
    await demo.setLabels(["cat", "a rather long label that does not fit into one line", "Donaudampfschifffahrtsgesellschaft", "dog"]);
    await demo.set("Views", 3);
    await demo.set("Steps", 2);
    await demo.run();
    expect(await scrollsSideways(page)).toBe(false);
    expect(await page.locator("#bars").evaluate(overlapsIn)).toEqual([]);
  });
}

/** Runs in the page: pairs of texts within an element whose visible parts overlap. */
function overlapsIn(root: HTMLElement | SVGElement): string[] {
  interface Piece {
    readonly text: string;
    readonly node: Node;
    left: number;
    top: number;
    right: number;
    bottom: number;
  }
  // What lies outside of a box that clips isn't there for the eye.
  const clip = (piece: Piece): void => {
    for (let element = piece.node.parentElement; element !== null && root.contains(element); element = element.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(element);
      if (overflowX === "visible" && overflowY === "visible") continue;
      const box = element.getBoundingClientRect();
      piece.left = Math.max(piece.left, box.left);
      piece.top = Math.max(piece.top, box.top);
      piece.right = Math.min(piece.right, box.right);
      piece.bottom = Math.min(piece.bottom, box.bottom);
    }
  };
  const pieces: Piece[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const { left, top, right, bottom } of range.getClientRects()) {
      const piece: Piece = { text: node.textContent ?? "", node, left, top, right, bottom };
      clip(piece);
      if (piece.right - piece.left > 1 && piece.bottom - piece.top > 1) pieces.push(piece);
    }
  }
  return pieces.flatMap((one, index) =>
    pieces
      .slice(index + 1)
      // Lines of one text stand closer than their boxes.
      .filter((other) => other.node !== one.node)
      .filter((other) => Math.min(one.right, other.right) - Math.max(one.left, other.left) > 1)
      .filter((other) => Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 2)
      .map((other) => `${one.text} / ${other.text}`),
  );
}

test("who wants less motion gets none", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.addInitScript(() => {
    const moved: string[] = [];
    Object.assign(window, { moved });
    const animate = Element.prototype.animate;
    Element.prototype.animate = function (...parameters) {
      moved.push(this.tagName);
      return animate.apply(this, parameters);
    };
    for (const name of ["animationstart", "transitionrun"]) {
      document.addEventListener(name, (event) => {
        // A blink of a colour is no motion.
        const property = event instanceof TransitionEvent ? event.propertyName : "animation";
        if (!/color|opacity|shadow|background|border|outline/.test(property)) moved.push(property);
      });
    }
  });
  const demo = new Demo(page);
  await demo.openReady();
  await demo.setLabels(["dog", "teapot", "horse", "cat"]);
  await demo.set("Views", 3);
  await demo.set("Steps", 3);
  await demo.run();
  expect(await page.evaluate(() => Reflect.get(window, "moved") as string[])).toEqual([]);
});

test("with forced colours, bars, curves and weights can still be seen", async ({ page }) => {
  await page.emulateMedia({ forcedColors: "active", reducedMotion: "reduce" });
  const demo = new Demo(page);
  await demo.openReady();
  await demo.set("Views", 3);
  await demo.run();
  const seen = await page.evaluate(() => {
    const backdrop = getComputedStyle(document.body).backgroundColor;
    const background = (selector: string): string[] => [...document.querySelectorAll(selector)].map((element) => getComputedStyle(element).backgroundColor);
    const stroke = (selector: string): string[] => [...document.querySelectorAll(selector)].map((element) => getComputedStyle(element).stroke);
    return {
      backdrop,
      bars: background("#bars .ct-bars-fill"),
      weights: background("#strip .ct-views-fill"),
      curves: stroke("#plot .ct-plot-graphic .ct-plot-curve path:not(.ct-plot-mark)"),
    };
  });
  for (const colours of [seen.bars, seen.weights, seen.curves]) {
    expect(colours.length).toBeGreaterThan(2);
    for (const colour of colours) {
      expect(colour).not.toBe(seen.backdrop);
      expect(colour).not.toMatch(/^(none|transparent|rgba\(.*, 0\))$/);
    }
  }
});

test("printed, bars and weights are there, although they are backgrounds", async ({ page }) => {
  await page.emulateMedia({ media: "print", reducedMotion: "reduce" });
  const demo = new Demo(page);
  await demo.open();
  const parts = ["#bars .ct-bars-track", "#bars .ct-bars-fill", "#strip .ct-views-weight", "#strip .ct-views-fill", "#progress"];
  for (const part of parts) await expect(page.locator(part).first(), part).toHaveCSS("-webkit-print-color-adjust", "exact");
});

test("the live region tells what happens, in turn", async ({ page }) => {
  await page.addInitScript(() => {
    const said: string[] = [];
    Object.assign(window, { said });
    document.addEventListener("DOMContentLoaded", () => {
      const region = document.querySelector("[role=status]");
      if (region !== null) new MutationObserver(() => said.push(region.textContent ?? "")).observe(region, { childList: true, characterData: true, subtree: true });
    });
  });
  const demo = new Demo(page);
  await demo.openReady();
  await demo.set("Views", 3);
  await demo.run();
  await demo.resetButton.click();
  const said = await page.evaluate(() => Reflect.get(window, "said") as string[]);
  const expected = [/^Model loaded\. Running on the CPU/, /^Before adapting: .+%/, /^Adapting/, /entropy of the prediction went from [\d.]+ to [\d.]+ nats/, /^Back to the answer before/];
  expect(said).toHaveLength(expected.length);
  for (const [index, words] of expected.entries()) expect(said[index]).toMatch(words);
});

test("from the first key to the result without a mouse, and the answer is announced", async ({ page }) => {
  const demo = new Demo(page);
  const tabTo = async (target: Locator): Promise<void> => {
    for (let presses = 0; presses < 40; presses += 1) {
      await page.keyboard.press("Tab");
      if (await target.evaluate((element) => element === document.activeElement)) break;
    }
    await expect(target).toBeFocused();
  };
  // Few views, so that it is quick.
  await page.goto("./#views=4");
  await demo.loaded();
  await demo.compared();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the tool" })).toBeFocused();
  await page.keyboard.press("Enter");
  await tabTo(demo.labels);
  await page.keyboard.press("Control+A");
  await page.keyboard.type("horse\nteapot\nlorry");
  await expect(page.locator("#labels-note")).toHaveText(/3 labels/);
  await tabTo(demo.runButton);
  await page.keyboard.press("Enter");
  await demo.done();
  expect((await demo.bars()).map(({ label }) => label).sort()).toEqual(["horse", "lorry", "teapot"]);
  await expect(demo.announcer).toContainText(/horse|teapot|lorry/);
});
