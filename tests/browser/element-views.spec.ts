/** The views of `<clip-ttl>` by keyboard and by name: in both directions of writing, in rows and in columns. */

import { join } from "node:path";

import { ClipTtlPage, openHost } from "./element-page.js";
import { REPOSITORY } from "./files.js";
import { expect, test } from "./test.js";

/** Which view has the focus, counted from one. */
async function focused(widget: ClipTtlPage): Promise<number | null> {
  return widget.evaluate((element) => {
    const view = element.shadowRoot?.activeElement?.getAttribute("data-view") ?? null;
    return view === null ? null : Number(view) + 1;
  });
}

for (const dir of ["ltr", "rtl"] as const) {
  const [onwards, back] = dir === "ltr" ? (["ArrowRight", "ArrowLeft"] as const) : (["ArrowLeft", "ArrowRight"] as const);

  test(`arrow keys move to the view that lies there, in rows (${dir})`, async ({ page }) => {
    await openHost(page, { dir, body: `<clip-ttl loading="manual" views="12"></clip-ttl>` });
    const widget = new ClipTtlPage(page);
    await widget.views.first().focus();
    const moves: readonly (readonly [key: string, view: number])[] = [[onwards, 2], [onwards, 3], [back, 2], [back, 1], [back, 1], ["End", 12], ["Home", 1]];
    for (const [key, view] of moves) {
      await page.keyboard.press(key);
      expect(await focused(widget), key).toBe(view);
    }
  });

  test(`arrow keys move to the view that lies there, in columns (${dir})`, async ({ page }) => {
    await openHost(page, { dir, body: `<div style="inline-size: 320px"><clip-ttl loading="manual" views="12"></clip-ttl></div>` });
    const widget = new ClipTtlPage(page);
    await widget.views.first().focus();
    // Columns of three.
    const moves: readonly (readonly [key: string, view: number])[] = [[onwards, 4], ["ArrowDown", 5], [onwards, 8], [back, 5], ["ArrowUp", 4], [back, 1]];
    for (const [key, view] of moves) {
      await page.keyboard.press(key);
      expect(await focused(widget), key).toBe(view);
    }
  });
}

test("a view keeps the focus while the views change places around it", async ({ page }) => {
  await openHost(page, { body: `<clip-ttl loading="manual" src="./samples/chelsea.png" labels="cat, dog" views="8" steps="3" device="cpu"></clip-ttl>` });
  const widget = new ClipTtlPage(page);
  await widget.pictured();
  await widget.element.getByRole("combobox", { name: "Order" }).selectOption("highest weight first");
  const order = (): Promise<string[]> => widget.views.evaluateAll((tiles) => tiles.map((tile) => tile.getAttribute("data-view") ?? ""));
  await widget.views.nth(3).focus();
  const before = await order();
  const lost = await widget.evaluate(async (element) => {
    let lost = 0;
    element.shadowRoot?.addEventListener("focusout", () => (lost += 1));
    await element.run();
    return lost;
  });
  await widget.done();
  expect(await order(), "the views have changed places").not.toEqual(before);
  expect(lost).toBe(0);
  expect(await focused(widget)).toBe(4);
});

test("keys that are the browser's are left to it, by the views and by the plot", async ({ page }) => {
  await openHost(page, { body: `<clip-ttl loading="manual" views="12"></clip-ttl>` });
  const widget = new ClipTtlPage(page);
  const plot = widget.element.getByRole("slider", { name: /Arrow keys move/ });
  const shortcuts: readonly { readonly key: string; readonly altKey?: boolean; readonly ctrlKey?: boolean; readonly metaKey?: boolean }[] = [
    { key: "ArrowLeft", altKey: true },
    { key: "Home", ctrlKey: true },
    { key: "ArrowRight", metaKey: true },
  ];
  for (const place of [widget.views.nth(2), plot]) {
    await place.focus();
    const isLeft = await place.evaluate(
      (element, shortcuts) => shortcuts.map((init) => element.dispatchEvent(new KeyboardEvent("keydown", { ...init, bubbles: true, composed: true, cancelable: true }))),
      shortcuts,
    );
    expect(isLeft).toEqual([true, true, true]);
    await expect(place).toBeFocused();
  }
  await expect(plot).toHaveAttribute("aria-valuenow", "0");
});

test("what is said of a view that somebody points at stays while other things become known", async ({ page }) => {
  await openHost(page, { body: `<clip-ttl loading="manual" views="12"></clip-ttl>` });
  const widget = new ClipTtlPage(page);
  const detail = widget.element.locator(".ct-views-detail");
  await widget.views.nth(1).hover();
  await expect(detail).toHaveText(/^View 2 of 12/);
  await widget.evaluate((element) => (element.steps = 2));
  await expect(detail).toHaveText(/^View 2 of 12/);
});

test.describe("with a finger", () => {
  test.use({ hasTouch: true });

  test("the plot's values can be read at the update that one taps on, until one taps elsewhere", async ({ page }) => {
    await openHost(page, { body: `<clip-ttl loading="manual" steps="4"></clip-ttl>` });
    const widget = new ClipTtlPage(page);
    const plot = widget.element.getByRole("slider", { name: /Arrow keys move/ });
    const box = await plot.boundingBox();
    if (box === null) throw new Error("the plot has no place");
    await plot.tap({ position: { x: box.width - 20, y: 150 } });
    await expect(plot).toHaveAttribute("aria-valuenow", "4");
    await page.getByRole("heading", { level: 1 }).tap();
    await expect(plot).toHaveAttribute("aria-valuenow", "0");
  });
});

test("a curve's button is called by one sentence, in each language", async ({ page }) => {
  await openHost(page, { body: `<clip-ttl loading="manual"></clip-ttl>` });
  const widget = new ClipTtlPage(page);
  await expect(widget.element.getByRole("button", { name: /^Show Prediction entropy of the answer above/ })).toBeVisible();
  await widget.evaluate((element) => (element.lang = "ja"));
  await expect(widget.element.getByRole("button", { name: /^予測を表示 ?上の答えのエントロピー/ })).toBeVisible();
});

for (const hides of [true, false]) {
  test(`a picture that is dropped where people ${hides ? "may give none is refused" : "may give one is taken"}, and the page stays`, async ({ page }) => {
    await openHost(page, { body: `<clip-ttl loading="manual" labels="cat, dog" ${hides ? 'hide="picture"' : ""}></clip-ttl>` });
    const widget = new ClipTtlPage(page);
    await widget.button("Run").waitFor();
    await page.evaluate(() => {
      const told: string[] = [];
      Object.assign(window, { told });
      for (const name of ["dragover", "dragleave", "drop"] as const) {
        addEventListener(name, ({ defaultPrevented, dataTransfer }) => {
          told.push(`${name} ${defaultPrevented ? "taken care of" : "left to the browser"} ${dataTransfer?.dropEffect ?? ""}`);
        });
      }
    });
    const told = (): Promise<string> => page.evaluate(() => (Reflect.get(window, "told") as string[]).join("\n"));
    const box = await widget.element.boundingBox();
    if (box === null) throw new Error("the element has no place");
    const session = await page.context().newCDPSession(page);
    const data = { items: [], files: [join(REPOSITORY, "www", "samples", "chelsea.png")], dragOperationsMask: 1 };
    const place = { x: box.x + box.width / 2, y: box.y + 100 };
    const drag = (type: "dragEnter" | "dragOver" | "drop"): Promise<unknown> => session.send("Input.dispatchDragEvent", { type, ...place, data });
    await drag("dragEnter");
    // The browser asks the page first, and then does at the drop what the page has answered.
    await expect(async () => {
      await drag("dragOver");
      expect(await told()).toContain(`dragover taken care of ${hides ? "none" : "copy"}`);
    }).toPass({ timeout: 30_000 });
    await drag("dragOver");
    await drag("drop");
    await expect.poll(told).toMatch(hides ? /^dragleave/m : /^drop taken care of/m);
    if (hides) expect(await widget.evaluate((element) => element.image)).toBeNull();
    else await widget.pictured();
    expect(new URL(page.url()).pathname).toMatch(/article\.html$/);
  });
}
