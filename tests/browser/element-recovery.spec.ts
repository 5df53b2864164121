/** `<clip-ttl>` when something goes wrong, or is called off: it says so for as long as it is true, and goes on. */

import { ClipTtlPage, openHost, QUICK } from "./element-page.js";
import { hold } from "./hold.js";
import { expect, test } from "./test.js";

const MANUAL = QUICK.replace("<clip-ttl", '<clip-ttl loading="manual"');

test("what went wrong is not said any more when something goes well again", async ({ page, watch }) => {
  watch.allowError(/worker\.js|ERR_FAILED/);
  await page.route("**/clip-ttl/worker.js", (route) => route.abort());
  await openHost(page, { body: QUICK });
  const widget = new ClipTtlPage(page);
  await expect(widget.problem).toContainText("worker.js");
  await page.unroute("**/clip-ttl/worker.js");
  await widget.labels.fill("cat\nhorse");
  await widget.compared();
  await expect(widget.problem).toBeHidden();
  await widget.run();
  await expect(widget.status).toBeVisible();
});

test("what is wrong with a picture is still said when the answer about the one before comes, and its result", async ({ page }) => {
  const release = await hold(page, "**/clip_ttl_cpu_bg.wasm");
  await openHost(page, { body: QUICK });
  const widget = new ClipTtlPage(page);
  await widget.pictured();
  const giveLetter = (): Promise<void> => widget.evaluate((element) => void (element.image = new File(["a letter"], "letter.png", { type: "image/png" })));
  await giveLetter();
  await expect(widget.problem).toContainText("letter.png");
  release();
  await widget.compared();
  await expect(widget.problem).toContainText("letter.png");

  await widget.evaluate(async (element) => {
    element.steps = 50;
    void element.run();
    await new Promise((resolve) => element.addEventListener("step", resolve, { once: true }));
  });
  await expect(widget.problem).toBeHidden();
  await giveLetter();
  await widget.done();
  await expect(widget.problem).toContainText("letter.png");
});

test("that a recorded run can't be had is still said when the engine answers instead", async ({ page, watch }) => {
  watch.allowError(/404/);
  const release = await hold(page, "**/nothing.json");
  await openHost(page, { body: QUICK.replace("<clip-ttl", '<clip-ttl poster="./nothing.json"') });
  const widget = new ClipTtlPage(page);
  await widget.pictured();
  release();
  await widget.compared();
  await expect(widget.problem).toContainText("nothing.json");
});

test("after a crash all elements go on with a new engine, at the first attempt", async ({ page, watch }) => {
  watch.allowError(/panicked/);
  await openHost(page, { body: `${QUICK}${QUICK.replace("<clip-ttl", '<clip-ttl id="other"')}` });
  const widget = new ClipTtlPage(page);
  const other = new ClipTtlPage(page, "#other");
  await widget.compared();
  await other.element.scrollIntoViewIfNeeded();
  await other.compared();
  const [worker] = page.workers();
  const code = await widget.evaluate(async (element) => {
    const run = element.run();
    await new Promise((resolve) => element.addEventListener("progress", ({ detail }) => detail.phase === "run" && resolve(null), { once: true }));
    Object.assign(window, { crashed: run.catch((error: { readonly code: string }) => error.code) });
    return "running";
  });
  expect(code).toBe("running");
  await worker?.evaluate(() => globalThis.dispatchEvent(new MessageEvent("message", { data: { type: "debug-panic" } })));
  expect(await page.evaluate(() => Reflect.get(window, "crashed") as Promise<string>)).toBe("engine-crashed");
  await expect(widget.problem).toBeVisible();
  await other.run();
  await expect(other.problem).toBeHidden();
  await widget.run();
  await expect(widget.problem).toBeHidden();
});

test.describe("a run that waits for its picture", () => {
  test("says so, counts as running, and begins when the picture has come", async ({ page }) => {
    const release = await hold(page, "**/samples/chelsea.png");
    await openHost(page, { body: MANUAL });
    const widget = new ClipTtlPage(page);
    await widget.button("Run").click();
    await expect(widget.status).toHaveText("Waiting for the picture …");
    await expect(widget.announcer).toHaveText("Waiting for the picture …");
    await expect(widget.button("Run")).toHaveAttribute("aria-disabled", "true");
    await expect(widget.button("Cancel")).toHaveAttribute("aria-disabled", "false");
    release();
    await widget.done();
  });

  for (const way of ["Cancel", "reset()"] as const) {
    test(`is called off by ${way}`, async ({ page }) => {
      const release = await hold(page, "**/samples/chelsea.png");
      await openHost(page, { body: MANUAL });
      const widget = new ClipTtlPage(page);
      await widget.button("Run").waitFor();
      await widget.evaluate((element) => {
        Object.assign(window, { ended: element.run().catch((error: { readonly code: string }) => error.code) });
      });
      await expect(widget.status).toHaveText("Waiting for the picture …");
      if (way === "Cancel") await widget.button("Cancel").click();
      else await widget.evaluate((element) => element.reset());
      await expect(widget.status).toHaveText(way === "Cancel" ? "Cancelled." : "Back to the answer before adapting.");
      await expect(widget.button("Run")).toHaveAttribute("aria-disabled", "false");
      await expect(widget.button("Cancel")).toHaveAttribute("aria-disabled", "true");
      release();
      await widget.pictured();
      expect(await page.evaluate(() => Reflect.get(window, "ended") as Promise<string>)).toBe("cancelled");
      await expect(widget.answer).toHaveText("The answer appears here.");
    });
  }

  test("ends with the picture's error where that can't be shown, and leaves the one before alone", async ({ page, watch }) => {
    watch.allowError(/404/);
    await openHost(page, { body: MANUAL });
    const widget = new ClipTtlPage(page);
    await widget.pictured();
    const code = await widget.evaluate((element) => {
      element.src = "./samples/nothing.png";
      return element.run().catch((error: { readonly code: string }) => error.code);
    });
    expect(code).toBe("network");
    await expect(widget.problem).toContainText("nothing.png");
    await expect(widget.answer).toHaveText("The answer appears here.");
    await expect(widget.button("Run")).toHaveAttribute("aria-disabled", "false");
  });
});

test("a Step that comes to nothing leaves the number of updates as it was", async ({ page }) => {
  await openHost(page, { body: MANUAL });
  const widget = new ClipTtlPage(page);
  await widget.pictured();
  await widget.run();
  const told = await widget.evaluate(async (element) => {
    const codeOf = (run: Promise<unknown>): Promise<string> =>
      run.then(
        () => "finished",
        (error: { readonly code: string }) => error.code,
      );
    const step = element.step();
    const during = element.steps;
    await new Promise((resolve) => element.addEventListener("progress", resolve, { once: true }));
    element.cancel();
    const calledOff = [await codeOf(step), element.getAttribute("steps")];
    element.options = { rank: 1000 };
    const refused = [await codeOf(element.step()), element.getAttribute("steps")];
    element.options = {};
    element.setAttribute("steps", "3");
    element.labels = ["cat"];
    const missing = [await codeOf(element.step()), element.getAttribute("steps")];
    return { during, calledOff, refused, missing };
  });
  expect(told).toEqual({ during: 2, calledOff: ["cancelled", null], refused: ["option-invalid", null], missing: ["labels-too-few", "3"] });
});

test("a run that a script asks for leaves the focus where it is, also when somebody has used the element", async ({ page }) => {
  await openHost(page, { body: `<clip-ttl loading="manual" src="./samples/chelsea.png" labels="cat"></clip-ttl><button>Elsewhere</button>` });
  const widget = new ClipTtlPage(page);
  await widget.pictured();
  await widget.button("Run").click();
  await expect(widget.labels, "who presses the button is led to what is missing").toBeFocused();
  const elsewhere = page.getByRole("button", { name: "Elsewhere" });
  await elsewhere.focus();
  const code = await widget.evaluate((element) => element.run().catch((error: { readonly code: string }) => error.code));
  expect(code).toBe("labels-too-few");
  await expect(elsewhere).toBeFocused();
});

test("another language says again what was said, in its own words", async ({ page }) => {
  await openHost(page, { body: `<clip-ttl loading="manual" labels="cat" device="cpu" views="2"></clip-ttl>` });
  const widget = new ClipTtlPage(page);
  const setLanguage = (lang: string): Promise<void> => widget.element.evaluate((element, lang) => element.setAttribute("lang", lang), lang);
  await widget.button("Run").click();
  await expect(widget.problem).toContainText("Choose a picture first");
  await setLanguage("ja");
  await expect(widget.problem).toContainText("まず画像を選んでください");
  await setLanguage("en");
  await expect(widget.problem).toContainText("Choose a picture first");

  await widget.evaluate((element) => (element.src = "./samples/chelsea.png"));
  await widget.pictured();
  await widget.button("Run").click();
  await expect(widget.labels).toHaveAccessibleDescription(/at least two labels/);
  await setLanguage("ja");
  await expect(widget.element.getByRole("textbox", { name: "ラベル" })).toHaveAccessibleDescription(/2 つ以上必要です/);
  await setLanguage("en");
  await widget.labels.fill("cat\ndog");
  await widget.run();
  await setLanguage("ja");
  await expect(widget.status).toHaveText(/^1 回の更新、.+、CPU。$/);
  await expect(widget.element.getByRole("textbox", { name: "ラベル" })).not.toHaveAttribute("aria-invalid");
  await widget.element.getByRole("button", { name: "リセット" }).click();
  await setLanguage("en");
  await expect(widget.status).toHaveText("Back to the answer before adapting.");
});
