/** The demo's state in its address. */

import { Demo } from "./demo.js";
import { CHELSEA, SAMPLES } from "./pictures.js";
import { expect, test } from "./test.js";

test("what one changes is in the address, and the address brings it back", async ({ page }) => {
  const demo = new Demo(page);
  await demo.openReady();
  expect(new URL(page.url()).hash, "a page that nobody has changed keeps its plain address").toBe("");
  await demo.setLabels(["cat, tabby", "dog", "<b>owl</b>"]);
  await demo.template.fill("a drawing of a {}");
  await demo.set("Rank", 8);
  await demo.set("Seed", 12);
  await page.getByRole("group", { name: "Sample pictures" }).getByRole("button").nth(3).click();
  await expect(demo.caption).toContainText("Honey bee");
  await expect.poll(() => new URLSearchParams(new URL(page.url()).hash.slice(1)).get("picture")).toBe("bee.jpg");
  const parameters = new URLSearchParams(new URL(page.url()).hash.slice(1));
  expect(Object.fromEntries(parameters)).toEqual({ picture: "bee.jpg", labels: "cat\\, tabby,dog,<b>owl</b>", template: "a drawing of a {}", rank: "8", seed: "12" });
  const { hash } = new URL(page.url());
  await page.evaluate(() => (location.hash = "#how"));
  await expect.poll(() => new URL(page.url()).hash, "a jump within the page doesn't lose the link").toBe(hash);

  await page.reload();
  await expect(demo.caption).toContainText("Honey bee");
  await expect(demo.labels).toHaveValue("cat, tabby\ndog\n<b>owl</b>");
  await expect(demo.template).toHaveValue("a drawing of a {}");
  await demo.openSettings();
  await expect(page.locator("#controls").getByLabel("Rank", { exact: true })).toHaveValue("8");
  await expect(page.locator("#controls").getByLabel("Seed", { exact: true })).toHaveValue("12");
  await expect(page.locator("#settings-note")).toHaveText("changed: rank");
});

test("another link on the same page is followed, and of prompt and settings what it doesn't name is the default again", async ({ page }) => {
  const demo = new Demo(page);
  await page.goto("./#picture=owl.webp&labels=owl,cat&template=a+drawing+of+a+{}&rank=8&seed=1");
  await expect(demo.caption).toContainText("Owl");
  await expect(demo.template).toHaveValue("a drawing of a {}");
  await page.goto("./#picture=pig.jpg&labels=pig,cow&steps=3&seed=1");
  await expect(demo.caption).toContainText("Piglet");
  await expect(demo.labels).toHaveValue("pig\ncow");
  await expect(demo.template).toHaveValue("a photo of a {}.");
  await demo.openSettings();
  await expect(page.locator("#controls").getByLabel("Rank", { exact: true })).toHaveValue("16");
  const steps = page.locator("#controls").getByLabel("Steps", { exact: true });
  await expect(steps).toHaveValue("3");
  await page.goto("./#picture=horses.jpg&labels=cow,horse");
  await expect(demo.caption).toContainText("Wild horses");
  await expect(steps, "a link without any setting has the defaults of all").toHaveValue("1");
});

for (const address of ["./", "./compare.html"]) {
  test(`labels that came with a sample give way to those of the next one after a reload too; those that were written stay: ${address}`, async ({ page }) => {
    const demo = new Demo(page);
    const [first, second, third] = SAMPLES;
    if (first === undefined || second === undefined || third === undefined) throw new Error("there are too few samples");
    const take = ({ title }: { readonly title: string }): Promise<void> =>
      page.getByRole("group", { name: "Sample pictures" }).getByRole("button", { name: title }).click();
    await page.goto(address);
    await expect(demo.labels).toHaveValue(first.labels.join("\n"));
    await take(second);
    await expect(demo.labels).toHaveValue(second.labels.join("\n"));
    await expect.poll(() => page.url()).toContain(`picture=${second.file}&labels=`);
    await page.reload();
    await expect(demo.caption).toContainText(second.title);
    await take(third);
    await expect(demo.labels).toHaveValue(third.labels.join("\n"));

    // Another link to the picture that is shown already. The state is the lesson's: it is gone from the address when the link has been followed.
    await expect.poll(() => page.url()).toContain(`picture=${third.file}`);
    await page.goto(`${address}#picture=${third.file}&labels=${third.labels.join(",")}&seed=5&state=0`);
    await expect.poll(() => page.url()).not.toContain("state=0");
    await take(second);
    await expect(demo.labels).toHaveValue(second.labels.join("\n"));

    await demo.setLabels(["cat", "dog"]);
    await expect.poll(() => page.url()).toContain("labels=cat,dog");
    await page.reload();
    await expect(demo.caption).toContainText(second.title);
    await take(third);
    await expect(demo.caption).toContainText(third.title);
    await expect(demo.labels).toHaveValue("cat\ndog");
  });
}

test("values that can't be are left out with a note, and a mere anchor is no link", async ({ page }) => {
  const demo = new Demo(page);
  const note = page.locator("#page-link-note");
  await page.goto("./#picture=no-such.jpg&labels=cat,dog&steps=1000&evil=%3Cscript%3E");
  await expect(note).toContainText("“steps=1000” isn’t a whole number from 1 to 50");
  await expect(note).toContainText("“evil” means nothing here");
  await expect(note).toContainText("“no-such.jpg” is not the name of a sample picture");
  await expect(demo.labels).toHaveValue("cat\ndog");
  await expect(demo.caption, "the first sample takes the place of one that isn't there").toContainText("by ");

  await page.goto("about:blank");
  await page.goto("./#how");
  await expect(demo.caption).toContainText("by ");
  await expect(note).toBeHidden();
  expect(new URL(page.url()).hash).toBe("#how");
});

test("a picture of one's own is not in the address; the link says so to whoever opens it", async ({ page, context }) => {
  const demo = new Demo(page);
  await demo.openReady();
  await demo.choose(CHELSEA, "private name.png", "image/png");
  await expect(demo.caption).toContainText("private name.png");
  await expect.poll(() => page.url()).toContain("picture=own");
  expect(page.url()).not.toContain("private");
  await expect(page.locator("#walk")).toHaveAttribute("href", /#picture=own&/);

  const other = new Demo(await context.newPage());
  const note = other.page.locator("#page-link-note");
  await other.page.goto(`${page.url()}&evil=1`);
  await expect(note).toContainText("not in the link");
  await expect(other.caption).toContainText("No picture yet");
  await other.choose(CHELSEA, "mine.png", "image/png");
  await expect(other.caption).toContainText("mine.png");
  await expect(note, "nobody is asked any more for what is there").not.toContainText("not in the link");
  await expect(note, "what was left out of the link stays said").toContainText("“evil” means nothing here");
});

test("a larger step is a press away, is named, and so are the paper's settings", async ({ page }) => {
  const demo = new Demo(page);
  await demo.openReady();
  const note = page.locator("#settings-note");
  const rate = page.locator("#controls").getByLabel("Learning rate", { exact: true });
  await expect(note).toHaveText("as in the paper");
  await demo.set("Seed", 12);
  await demo.set("Rank", 8);
  await page.getByRole("button", { name: "Use a larger step" }).click();
  await expect(rate).toHaveValue("0.01");
  await expect(note).toHaveText("a larger step: learning rate");
  await expect(page.locator("#controls").getByLabel("Rank", { exact: true }), "all else is the paper's").toHaveValue("16");
  await expect(page.locator("#controls").getByLabel("Seed", { exact: true }), "the seed is nobody's matter").toHaveValue("12");
  await expect.poll(() => new URLSearchParams(new URL(page.url()).hash.slice(1)).get("learningRate")).toBe("0.01");
  await demo.set("Rank", 8);
  await expect(note).toHaveText("changed: learning rate, rank");
  await page.getByRole("button", { name: "Back to the paper’s defaults" }).click();
  await expect(note).toHaveText("as in the paper");
  const link = page.getByRole("link", { name: "how that was measured" });
  await page.goto(new URL((await link.getAttribute("href")) ?? "", page.url()).href);
  await expect(page.locator(new URL(page.url()).hash)).toHaveText("Do they help?");
});
