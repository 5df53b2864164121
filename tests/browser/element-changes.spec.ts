/** `<clip-ttl>` when what it is asked about changes: an answer is only ever shown with the picture and the labels that it is about. */

import type { Page } from "@playwright/test";

import { ClipTtlPage, openHost, QUICK } from "./element-page.js";
import { expect, test } from "./test.js";

const MANUAL = QUICK.replace("<clip-ttl", '<clip-ttl loading="manual"');

/** What an element says before anything is known. */
const NOTHING = "The answer appears here.";

test("attributes that change while it is in no document are heeded, and the answer from before is gone", async ({ page }) => {
  await openHost(page, { body: MANUAL });
  const widget = new ClipTtlPage(page);
  await widget.pictured();
  const changes: readonly (readonly [attribute: string, value: string])[] = [
    ["labels", "horse, sheep"],
    ["template", "a drawing of a {}."],
    ["dtype", "f32"],
  ];
  for (const [attribute, value] of changes) {
    await widget.run();
    const known = await widget.element.evaluate(
      (element, [attribute, value]) => {
        const parent = element.parentElement;
        element.remove();
        element.setAttribute(attribute, value);
        parent?.append(element);
        return (element as unknown as { readonly result: unknown }).result !== null;
      },
      [attribute, value] as const,
    );
    expect(known, attribute).toBe(false);
    await expect(widget.answer, attribute).toHaveText(NOTHING);
  }
  expect((await widget.shares()).map(([label]) => label)).toEqual(["horse", "sheep"]);
  await widget.run();
  const asked = await widget.evaluate(({ result }) => ({ labels: result?.labels, template: result?.template }));
  expect(asked).toEqual({ labels: ["horse", "sheep"], template: "a drawing of a {}." });
});

test("a picture that a script gave outside the document is not replaced by an earlier attribute", async ({ page }) => {
  await openHost(page, { body: "" });
  await page.evaluate(() => {
    const element = document.createElement("clip-ttl");
    element.loading = "manual";
    element.src = "./samples/chelsea.png";
    element.image = new ImageData(20, 10);
    document.querySelector("main")?.append(element);
  });
  await expect(new ClipTtlPage(page).element.locator("[part=caption]")).toHaveText("20 × 10");
});

/** Records a run of the picture and the labels of `QUICK`, and serves it as `recorded.json`. */
async function record(page: Page, picture: string | null = "./samples/chelsea.png"): Promise<void> {
  await openHost(page, { body: MANUAL });
  const recorder = new ClipTtlPage(page);
  await recorder.pictured();
  const report = await recorder.evaluate((element) => element.run());
  await page.route("**/recorded.json", (route) => route.fulfill({ json: { ...report, picture } }));
}

const RECORDED = "A recorded run. Press Run to compute it here.";

test.describe("a recorded run", () => {
  const cases: readonly { readonly name: string; readonly body: string; readonly change: (element: HTMLElement) => void }[] = [
    {
      name: "another src",
      body: `<clip-ttl poster="./recorded.json" device="cpu"></clip-ttl>`,
      change: (element) => element.setAttribute("src", "./samples/horses.jpg"),
    },
    {
      name: "another src than the one beside it",
      body: `<clip-ttl poster="./recorded.json" device="cpu" src="./samples/chelsea.png"></clip-ttl>`,
      change: (element) => element.setAttribute("src", "./samples/horses.jpg"),
    },
    {
      name: "another picture in the slot",
      body: `<clip-ttl poster="./recorded.json" device="cpu"><img slot="picture" src="./samples/chelsea.png" alt="A cat"></clip-ttl>`,
      change: (element) => element.querySelector("img")?.setAttribute("src", "./samples/horses.jpg"),
    },
    {
      name: "other labels",
      body: `<clip-ttl poster="./recorded.json" device="cpu"></clip-ttl>`,
      change: (element) => element.setAttribute("labels", "horse, sheep"),
    },
    {
      name: "another prompt",
      body: `<clip-ttl poster="./recorded.json" device="cpu"></clip-ttl>`,
      change: (element) => element.setAttribute("template", "a drawing of a {}."),
    },
  ];
  for (const { name, body, change } of cases) {
    test(`goes with ${name}, and the engine answers`, async ({ page }) => {
      await record(page);
      await openHost(page, { body });
      const widget = new ClipTtlPage(page);
      await expect(widget.status).toHaveText(RECORDED);
      await expect(widget.answer).toHaveText(/after 1 update\.$/);
      await widget.element.evaluate(change as (element: SVGElement | HTMLElement) => void);
      await widget.compared();
      await expect(widget.status).not.toHaveText(RECORDED);
    });
  }

  test("is not shown where the author asks about other labels, which are answered instead", async ({ page }) => {
    await record(page);
    await openHost(page, { body: `<clip-ttl poster="./recorded.json" device="cpu" labels="horse, sheep"></clip-ttl>` });
    const widget = new ClipTtlPage(page);
    await widget.compared();
    expect((await widget.shares()).map(([label]) => label).sort()).toEqual(["horse", "sheep"]);
  });

  test("is what Step counts from", async ({ page }) => {
    await record(page);
    await openHost(page, { body: `<clip-ttl poster="./recorded.json" device="cpu"></clip-ttl>` });
    const widget = new ClipTtlPage(page);
    await expect(widget.answer).toHaveText(/after 1 update\.$/);
    await widget.button("Step").click();
    await widget.done();
    await expect(widget.answer).toHaveText(/after 2 updates\.$/);
  });

  test("isn't adapted to by itself any more once somebody has pressed Run", async ({ page }) => {
    await record(page);
    await openHost(page, { body: `<clip-ttl poster="./recorded.json" autorun device="cpu"></clip-ttl>` });
    const widget = new ClipTtlPage(page);
    await expect(widget.status).toHaveText(RECORDED);
    // Typed, and run before the typing has rested.
    const end = await widget.evaluate(async (element) => {
      const results: unknown[] = [];
      Object.assign(window, { results });
      element.addEventListener("result", (event) => results.push(event));
      const field = element.shadowRoot?.querySelector("textarea");
      if (field == null) throw new Error("no field");
      field.value = "cat\ndog";
      field.dispatchEvent(new Event("input"));
      return element.run().then(
        () => "finished",
        (error: { readonly code: string }) => error.code,
      );
    });
    expect(end).toBe("finished");
    await widget.labels.fill("cat\nhorse");
    await widget.compared();
    await expect(widget.button("Run")).toHaveAttribute("aria-disabled", "false");
    expect(await page.evaluate(() => (Reflect.get(window, "results") as unknown[]).length)).toBe(1);
    await expect(widget.answer).toHaveText(/^Before adapting/);
  });

  test("stays with the author's own address of its picture, with its own labels, and with a picture that can't be shown", async ({ page, watch }) => {
    watch.allowError(/404/);
    await record(page, "data:image/png;base64,AAAA");
    await openHost(page, { body: `<clip-ttl poster="./recorded.json" device="cpu" src="./samples/chelsea.png"></clip-ttl>` });
    const widget = new ClipTtlPage(page);
    await expect(widget.status).toHaveText(RECORDED);
    await widget.pictured();
    await expect(widget.answer).toHaveText(/after 1 update\.$/);
    await widget.evaluate((element) => (element.labels = ["cat", "dog", "teapot"]));
    await expect(widget.status).toHaveText(RECORDED);
    await expect(widget.answer).toHaveText(/after 1 update\.$/);
    await widget.evaluate((element) => (element.src = "./samples/nothing.png"));
    await expect(widget.problem).toContainText("The picture from before is still here.");
    await expect(widget.answer).toHaveText(/after 1 update\.$/);
    expect(await widget.evaluate((element) => element.result)).toBeNull();
  });
});

test("a canvas that is given once more is read once more", async ({ page }) => {
  await openHost(page, { body: `<clip-ttl labels="cat, dog" loading="manual"></clip-ttl>` });
  const widget = new ClipTtlPage(page);
  const caption = widget.element.locator("[part=caption]");
  await widget.evaluate((element) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 20, height: 10 });
    Object.assign(window, { canvas });
    element.image = canvas;
  });
  await expect(caption).toHaveText("20 × 10");
  const isSame = await widget.evaluate((element) => {
    const canvas = Reflect.get(window, "canvas") as HTMLCanvasElement;
    canvas.width = 40;
    element.image = canvas;
    return element.image === canvas;
  });
  await expect(caption).toHaveText("40 × 10");
  expect(isSame, "it is the picture as it was given").toBe(true);
});

for (const kind of ["canvas", "ImageData", "ImageBitmap"] as const) {
  test(`what is adapted to is what is shown, whatever becomes of the ${kind} that it was`, async ({ page }) => {
    await openHost(page, { body: `<clip-ttl labels="cat, horse, teapot" views="4" device="cpu"></clip-ttl>` });
    const widget = new ClipTtlPage(page);
    await widget.element.evaluate(async (element, kind) => {
      const load = async (address: string): Promise<HTMLImageElement> => {
        const image = Object.assign(new Image(), { src: address });
        await image.decode();
        return image;
      };
      const canvas = Object.assign(document.createElement("canvas"), { width: 451, height: 300 });
      const context = canvas.getContext("2d");
      if (context === null) throw new Error("no context");
      context.drawImage(await load("./samples/chelsea.png"), 0, 0, 451, 300);
      const picture = kind === "canvas" ? canvas : kind === "ImageData" ? context.getImageData(0, 0, 451, 300) : await createImageBitmap(canvas);
      const horses = await load("./samples/horses.jpg");
      const change = (): void => {
        context.drawImage(horses, 0, 0, 451, 300);
        if (picture instanceof ImageData) picture.data.set(context.getImageData(0, 0, 451, 300).data);
        if (picture instanceof ImageBitmap) picture.close();
      };
      Object.assign(window, { change });
      Object.assign(element, { image: picture });
    }, kind);
    await widget.compared();
    const shown = (await widget.shares()).map(([label, before]) => [label, before]).sort();
    await page.evaluate(() => (Reflect.get(window, "change") as () => void)());
    await widget.run();
    expect((await widget.shares()).map(([label, before]) => [label, before]).sort()).toEqual(shown);
  });
}

test("another address of the <img> in the slot is another picture, at once for a run", async ({ page }) => {
  await openHost(page, {
    body: `<clip-ttl labels="cat, horse" loading="manual" views="2" device="cpu"><img slot="picture" src="./samples/chelsea.png" alt="A cat"></clip-ttl>`,
  });
  const widget = new ClipTtlPage(page);
  const caption = widget.element.locator("[part=caption]");
  await expect(caption).toHaveText("chelsea.png, 451 × 300");
  await widget.run();
  await widget.evaluate((element) => {
    const image = element.querySelector("img");
    if (image !== null) Object.assign(image, { src: "./samples/horses.jpg", alt: "Horses" });
  });
  await expect(caption).toHaveText("horses.jpg, 530 × 530");
  await expect(widget.element.getByRole("img", { name: "Horses" }).first()).toBeVisible();
  await expect(widget.answer).toHaveText(NOTHING);

  const side = await widget.evaluate(async (element) => {
    const image = element.querySelector("img");
    if (image !== null) image.src = "./samples/chelsea.png";
    const { views } = await element.run();
    return views[0]?.box.height;
  });
  expect(side, "the centre crop is as high as the picture").toBe(300);
  await expect(caption).toHaveText("chelsea.png, 451 × 300");
  await expect(widget.answer).toHaveText(/after 1 update\.$/);
});
