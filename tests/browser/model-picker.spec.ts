/** Choosing a model on the page: what it costs is said first, loading it can be followed and called off, and it is kept for the next time. */

import type { Locator, Page } from "@playwright/test";

import { scrollsSideways, violations } from "./accessibility.js";
import { Demo } from "./demo.js";
import { HubServer, type Files, type HubRepository } from "./hub-server.js";
import { expect, test as base } from "./test.js";
import { tinyClip } from "./tiny-clip.js";

/** In the catalogue, with this commit. */
const KNOWN = "openai/clip-vit-base-patch32";
const KNOWN_TITLE = "OpenAI CLIP ViT-B/32";
const KNOWN_COMMIT = "c237dc49a33fc61debc9276459120b7eac67e7ef";
/** In no catalogue. */
const OTHER = "somebody/tiny-clip";
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const BROKEN = "somebody/broken";
/** Unlike the pocket model's. */
const SEES = /sees 16 × 16 pixels/;

const WEIGHTS = "model.safetensors";

function tinyFiles(): Files {
  const { config, preprocessor, weights } = tinyClip();
  return { "config.json": config, "preprocessor_config.json": preprocessor, [WEIGHTS]: weights };
}

function repositories(): Record<string, HubRepository> {
  const files = tinyFiles();
  return {
    [KNOWN]: { commits: { [KNOWN_COMMIT]: files }, refs: { "refs/pr/62": KNOWN_COMMIT } },
    [OTHER]: { commits: { [COMMIT]: files }, refs: { main: COMMIT } },
    [BROKEN]: { commits: { [COMMIT]: { ...files, [WEIGHTS]: "<!doctype html><title>Sign in</title>" } }, refs: { main: COMMIT } },
  };
}

/** The page's parts that are about models. */
class Picker {
  readonly page: Page;
  readonly demo: Demo;
  readonly line: Locator;
  readonly note: Locator;
  readonly change: Locator;
  readonly problem: Locator;
  readonly former: Locator;
  readonly name: Locator;
  readonly stored: Locator;
  readonly go: Locator;
  readonly #hub: HubServer;

  constructor(page: Page, hub: HubServer) {
    this.page = page;
    this.#hub = hub;
    this.demo = new Demo(page);
    this.line = page.locator("#model-line");
    this.note = page.locator(".model-note");
    this.change = page.getByRole("group", { name: /^(Loading|Looking up|This link|.* could not be loaded|.* is loaded|\S+\/\S+$)/ });
    this.problem = page.locator("#model-change-problem");
    this.former = page.locator("#former");
    this.name = page.getByRole("textbox", { name: "Any other CLIP" });
    this.stored = page.getByRole("list", { name: "Stored in this browser" }).getByRole("listitem");
    this.go = page.locator("#model-change-go");
  }

  /** Opens the page with the hub of this machine, and waits for the pocket model's answer. */
  async openReady(parameters: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.page.goto(`./?${new URLSearchParams({ hub: this.#hub.url, ...parameters }).toString()}`);
    await this.demo.loaded();
    await this.demo.compared();
  }

  async unfold(): Promise<void> {
    if (!(await this.page.locator("#model").evaluate((details) => details.hasAttribute("open")))) await this.page.locator("#model-summary").click();
    await expect(this.entry(KNOWN_TITLE)).toBeVisible();
  }

  entry(title: string): Locator {
    return this.page.getByRole("list", { name: "Published models" }).getByRole("listitem").filter({ hasText: title });
  }

  /** The button that loads an entry of the list. */
  loadButton(title: string): Locator {
    return this.entry(title).getByRole("button");
  }

  async lookUp(name: string): Promise<void> {
    await this.unfold();
    await this.name.fill(name);
    await this.page.getByRole("button", { name: "Look it up" }).click();
  }

  /** Waits until a model that sees 16 pixels has answered. */
  async arrived(): Promise<void> {
    await expect(this.line).toHaveText(SEES);
    await this.demo.compared();
  }
}

const test = base.extend<{ hub: HubServer; picker: Picker }>({
  hub: async ({ watch }, use) => {
    const hub = await HubServer.start(repositories());
    watch.allowRequest(hub.pattern);
    await use(hub);
    await hub.stop();
  },
  picker: async ({ page, hub }, use) => use(new Picker(page, hub)),
});

test("the page begins with the pocket model, and says so in a line that opens a list", async ({ picker, hub }) => {
  await picker.openReady();
  await expect(picker.line).toHaveText(/^Pocket CLIP, .+ bits .+ MB in memory, sees 64 × 64 pixels$/);
  await expect(picker.note).toContainText("small one for demonstration");
  await expect(picker.entry(KNOWN_TITLE)).toBeHidden();
  await picker.unfold();
  await expect(picker.entry("Pocket CLIP")).toContainText("In use");
  await expect(picker.entry("Pocket CLIP")).toContainText("9.9 MB to download, 9.9 MB in memory");
  const known = picker.entry(KNOWN_TITLE);
  await expect(known).toContainText("151 million parameters, sees 224 × 224 pixels in patches of 32 × 32");
  await expect(known).toContainText("605 MB to download, 162 MB in memory");
  await expect(known).toContainText("Licence:");
  await expect(known.getByRole("link")).toHaveAttribute("href", `https://huggingface.co/${KNOWN}`);
  await expect(known.getByRole("button")).toHaveAccessibleName(`Load, 605 MB download, 162 MB kept (${KNOWN_TITLE})`);

  const format = picker.page.getByRole("combobox", { name: "Format of the weights" });
  await format.selectOption("q4");
  await expect(known.getByRole("button")).toHaveAccessibleName(/605 MB download, 86 MB kept/);
  for (const option of ["recommended", "q8", "q4", "f16", "f32"]) {
    await format.selectOption(option);
    await expect(format, option).toHaveAccessibleDescription(/\w+ \w+.*\./);
  }
  expect(hub.requests, "nothing is asked for before it is chosen").toEqual([]);
});

test("a model of the list is loaded, answers the same question, and stays for the next time", async ({ page, picker, hub }) => {
  await picker.openReady();
  await picker.demo.setLabels(["cat", "dog", "teapot"]);
  await picker.demo.compared();
  await picker.demo.set("Views", 3);
  await picker.demo.run();
  await picker.unfold();
  await picker.loadButton(KNOWN_TITLE).click();
  await picker.arrived();
  await expect(picker.line).toHaveText(new RegExp(`^${KNOWN_TITLE}, `));
  await expect(picker.note).toContainText(`The model is ${KNOWN_TITLE}: it sees 16 × 16 pixels.`);
  await expect(picker.note).not.toContainText("demonstration", { useInnerText: true });
  await expect(picker.former, "what the model before said stays as a note").toHaveText(/^With Pocket CLIP: The answer .+ after 1 update\.$/);
  expect((await picker.demo.bars()).every(({ before, after }) => before !== null && after === null)).toBe(true);
  await expect(picker.demo.labels).toHaveValue("cat\ndog\nteapot");
  await expect(page.locator("#controls").getByLabel("Views", { exact: true })).toHaveValue("3");
  expect(new URL(page.url()).searchParams.get("model")).toBe(KNOWN);
  await picker.demo.run();
  await picker.demo.setLabels(["cat", "dog"]);
  await expect(picker.former).toBeHidden();

  await picker.unfold();
  await expect(picker.entry(KNOWN_TITLE)).toContainText("In use");
  await expect(picker.entry(KNOWN_TITLE)).toContainText("Stored in this browser");
  await expect(picker.stored).toHaveText([/OpenAI CLIP ViT-B\/32.*MB.*Last used.*stored/]);

  hub.forget();
  await page.reload();
  await picker.arrived();
  expect(hub.requests, "all of it was in the browser's storage").toEqual([]);
});

test("loading can be followed and called off; the model before is used meanwhile, and stays", async ({ page, picker, hub }) => {
  hub.faults = ({ path, range }) => (path.endsWith(WEIGHTS) && range !== null && !range.startsWith("bytes=0-") ? { isSilent: true } : undefined);
  await picker.openReady();
  await picker.unfold();
  await picker.loadButton(KNOWN_TITLE).press("Enter");
  await expect(picker.change).toContainText(`Loading ${KNOWN_TITLE}`);
  await expect(picker.demo.announcer).toHaveText(`Loading ${KNOWN_TITLE}`);
  await expect(picker.change.getByRole("progressbar")).toBeVisible();
  await expect(picker.change).toContainText(/[kM]B of .+ MB/);
  await expect(picker.change).toContainText("Pocket CLIP can be used meanwhile.");
  const cancel = page.getByRole("button", { name: "Cancel loading" });
  await expect(cancel, "the focus is where it can be called off").toBeFocused();
  await picker.demo.setLabels(["cat", "dog"]);
  await picker.demo.compared();
  await cancel.press("Enter");
  await expect(page.locator("#model-change")).toBeHidden();
  await expect(picker.demo.announcer).toHaveText(/cancelled.*Pocket CLIP is still in use/);
  await expect(page.locator("#model-summary")).toBeFocused();
  await expect(picker.line).toHaveText(/^Pocket CLIP/);
  await picker.demo.set("Views", 3);
  await picker.demo.run();
});

test("a server that has too much to do is waited for, and the page says so", async ({ picker, hub }) => {
  hub.faults = ({ path }, count) => (path.endsWith(WEIGHTS) && count < 2 ? { status: 503, headers: { "retry-after": "3" } } : undefined);
  await picker.openReady();
  await picker.unfold();
  await picker.loadButton(KNOWN_TITLE).click();
  await expect(picker.change).toContainText(/Interrupted \(.+\)\. Trying again in \d s\./);
  await expect(picker.demo.announcer).toHaveText(/another attempt follows/);
  await picker.arrived();
});

test.describe("a load that fails", () => {
  test.beforeEach(({ watch }) => watch.allowError(/Failed to load resource|ERR_/));

  test("says why, keeps the model before, and is tried again by a press", async ({ page, picker, hub }) => {
    hub.faults = ({ path }) => (path.endsWith(WEIGHTS) ? { status: 401, headers: { "x-error-code": "GatedRepo" } } : undefined);
    await picker.openReady();
    await picker.unfold();
    await picker.loadButton(KNOWN_TITLE).click();
    await expect(picker.change).toContainText(`${KNOWN_TITLE} could not be loaded`);
    await expect(picker.problem).toContainText(/terms have to be accepted.*open it from your device/);
    await expect(picker.problem).toHaveAttribute("role", "alert");
    await expect(picker.change).toContainText("Pocket CLIP is still in use.");
    await expect(picker.demo.engineProblem).toBeHidden();
    await picker.demo.set("Views", 3);
    await picker.demo.run();
    hub.faults = () => undefined;
    await page.getByRole("button", { name: "Try loading again" }).click();
    await picker.arrived();
  });

  for (const { name, says } of [
    { name: "somebody/nothing", says: /somebody\/nothing.*(not there|no revision|none of this name)/ },
    { name: BROKEN, says: /web page/ },
    { name: "pocket.safetensors", says: /404|answered/ },
  ]) {
    test(`of ${name} says so before anything is downloaded`, async ({ page, picker }) => {
      await picker.openReady();
      await picker.lookUp(name);
      await expect(picker.problem).toContainText(says);
      await page.getByRole("button", { name: "Close", exact: true }).click();
      await expect(page.locator("#model-change")).toBeHidden();
      await expect(picker.line).toHaveText(/^Pocket CLIP/);
    });
  }
});

test("any other model is looked up first: its size stands on the button that downloads it", async ({ page, picker, hub }) => {
  await picker.openReady();
  await picker.lookUp("");
  await expect(picker.name).toHaveAccessibleDescription(/Enter the name of a model/);
  await picker.lookUp("no name");
  await expect(picker.name).toHaveAccessibleDescription(/neither a name/);
  await expect(picker.name).toHaveAttribute("aria-invalid", "true");
  expect(hub.requests).toEqual([]);

  await picker.lookUp(OTHER);
  await expect(picker.go).toHaveText(/^Load, 3\.\d MB download, \d+(\.\d)? (MB|kB) kept$/);
  await expect(picker.change).toContainText(`download from ${new URL(hub.url).host}`);
  await expect(picker.demo.announcer).toContainText(/download/);
  await expect(picker.line, "nothing has changed yet").toHaveText(/^Pocket CLIP/);
  await picker.unfold();
  await expect(picker.stored, "looking it up stores nothing").toHaveCount(0);
  await picker.go.click();
  await picker.arrived();
  await expect(picker.line).toHaveText(/^somebody\/tiny-clip, /);
  await expect(picker.note.getByRole("link")).toHaveAttribute("href", `${hub.url}/${OTHER}`);
  await page.getByRole("button", { name: "Use another model" }).click();
  await expect(page.locator("#model-summary")).toBeFocused();
  await picker.loadButton("Pocket CLIP").click();
  await expect(picker.line).toHaveText(/^Pocket CLIP.*64 × 64/);
  expect(new URL(page.url()).searchParams.get("model")).toBeNull();
});

test("a run that is under way ends with the model that it began with", async ({ picker }) => {
  await picker.openReady();
  await picker.demo.setLabels(["cat", "dog", "bird"]);
  await picker.demo.compared();
  // Long enough for the press on the button to come before the end, on a quick machine too.
  await picker.demo.set("Steps", 10);
  await picker.unfold();
  await picker.demo.runUntil(/^Encoding/);
  await picker.loadButton(KNOWN_TITLE).click();
  await expect(picker.change).toContainText("takes over when the present run has ended");
  await expect(picker.line).toHaveText(/^Pocket CLIP/);
  await picker.arrived();
  await expect(picker.former).toHaveText(/^With Pocket CLIP: .+ after 10 updates\.$/);
});

test.describe("a link to a model", () => {
  test("shows its size and waits to be asked", async ({ page, picker, hub }) => {
    await picker.openReady({ model: KNOWN, dtype: "q4" });
    await expect(picker.change).toContainText(`This link asks for ${KNOWN_TITLE}.`);
    await expect(picker.change).toContainText(new RegExp(`605 MB to download from ${new URL(hub.url).host}; 86 MB`));
    await expect(picker.go).toHaveText("Load, 605 MB download, 86 MB kept");
    expect(hub.requests).toEqual([]);
    await page.getByRole("button", { name: "Stay with Pocket CLIP" }).click();
    await expect(page.locator("#model-change")).toBeHidden();
    expect(hub.requests).toEqual([]);

    await page.reload();
    await picker.go.click();
    await picker.arrived();
  });

  test("of which the size isn't known asks no server by itself", async ({ picker, hub }) => {
    await picker.openReady({ model: OTHER });
    await expect(picker.go).toHaveText("Look up its size");
    await expect(picker.change).toContainText(new URL(hub.url).host);
    expect(hub.requests).toEqual([]);
    await picker.go.click();
    await expect(picker.go).toHaveText(/^Load, 3\.\d MB download/);
    await picker.go.click();
    await picker.arrived();
  });

  test("that makes no sense is answered in words, and the page works", async ({ page, picker }) => {
    await page.goto("./?model=https://elsewhere.example/x.safetensors&dtype=q9&hub=javascript:alert(1)");
    await picker.demo.loaded();
    await expect(page.locator("#model-link-problem")).toContainText(/elsewhere\.example.*q9.*hub/);
    await expect(page.locator("#model-change")).toBeHidden();
  });
});

test("models from the device need no server: files one by one, and what is missing is said", async ({ page, picker, hub }) => {
  const files = Object.entries(tinyFiles()).map(([name, data]) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from(data) }));
  await picker.openReady();
  await picker.unfold();
  await page.locator("#model-files").setInputFiles(files.filter(({ name }) => name.endsWith(".json")));
  await expect(picker.problem).toContainText(/no model\.safetensors/);
  await picker.unfold();
  await page.locator("#model-files").setInputFiles(files);
  await picker.arrived();
  await picker.demo.set("Views", 3);
  await picker.demo.run();
  expect(hub.requests).toEqual([]);
  await picker.unfold();
  await expect(picker.stored, "files of the device are not kept").toHaveCount(0);
});

test("stored models are listed and deleted, one or all", async ({ page, picker }) => {
  await picker.openReady();
  for (const title of [KNOWN_TITLE, OTHER]) {
    await picker.unfold();
    if (title === KNOWN_TITLE) await picker.loadButton(title).click();
    else {
      await picker.lookUp(OTHER);
      await picker.go.click();
    }
    await expect(picker.line).toHaveText(new RegExp(`^${title}, `));
    await picker.arrived();
  }
  await picker.unfold();
  await expect(picker.stored).toHaveCount(2);
  await expect(page.locator("#stored-note")).toHaveText(/^2 models take .+ This site takes .+ of at most/);
  await page.getByRole("button", { name: `Delete ${KNOWN_TITLE}` }).press("Enter");
  await expect(picker.stored).toHaveText([new RegExp(OTHER)]);
  await expect(picker.demo.announcer).toHaveText(new RegExp(`${KNOWN_TITLE} was deleted`));
  await expect(picker.stored.getByRole("button")).toBeFocused();
  await expect(picker.entry(KNOWN_TITLE)).not.toContainText("Stored");
  await page.getByRole("button", { name: /^Delete/ }).press("Enter");
  await expect(page.locator("#stored-note")).toHaveText(/^No model is stored/);
  await expect(picker.line, "what is loaded stays loaded").toHaveText(SEES);
});

test("where nothing may be stored, a model is loaded all the same, and a sentence says so", async ({ page, picker }) => {
  // In the page and in its workers; a worker.js that is made up by the test may not reach servers of this machine.
  await page.addInitScript(() => {
    const refuse = `for (const name of ["has", "open"]) {
      Object.defineProperty(CacheStorage.prototype, name, { value: () => Promise.reject(new DOMException("refused", "SecurityError")) });
    }`;
    (0, eval)(refuse);
    const Original = Worker;
    const Refusing = function (url: string | URL, options?: WorkerOptions): Worker {
      const address = JSON.stringify(new URL(url, document.baseURI).href);
      return new Original(URL.createObjectURL(new Blob([`${refuse} await import(${address});`], { type: "text/javascript" })), options);
    };
    Object.assign(window, { Worker: Refusing });
  });
  await picker.openReady();
  await picker.unfold();
  await expect(page.locator("#stored-note")).toHaveText(/lets this page store nothing/);
  await picker.loadButton(KNOWN_TITLE).click();
  await picker.arrived();
  await expect(picker.change).toContainText(/not kept for the next time/);
  await page.getByRole("button", { name: "Close", exact: true }).click();
  await expect(page.locator("#model-change")).toBeHidden();
});

for (const { width, colorScheme, forcedColors } of [
  { width: 320, colorScheme: "light", forcedColors: "none" },
  { width: 390, colorScheme: "dark", forcedColors: "none" },
  { width: 1280, colorScheme: "light", forcedColors: "none" },
  { width: 1280, colorScheme: "dark", forcedColors: "active" },
] as const) {
  test(`the list and what is said about a load can be read: ${width} pixels, ${colorScheme}, forced colours ${forcedColors}`, async ({ page, picker, hub }, info) => {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme, forcedColors, reducedMotion: "reduce" });
    hub.faults = ({ path, range }) => (path.endsWith(WEIGHTS) && range !== null && !range.startsWith("bytes=0-") ? { isSilent: true } : undefined);
    await picker.openReady({ model: KNOWN });
    await look("offer");
    await picker.go.click();
    await expect(picker.change).toContainText(/[kM]B of .+ MB/);
    await picker.unfold();
    await look("loading");
    await page.getByRole("button", { name: "Cancel loading" }).click();
    await expect(page.locator("#stored-list")).toBeVisible();
    await look("stored");

    async function look(state: string): Promise<void> {
      await page.screenshot({ path: info.outputPath(`${state}.png`) });
      const found = await violations(page);
      // With forced colours the browser chooses them, which axe doesn't know.
      expect(forcedColors === "active" ? found.filter((line) => !line.startsWith("color-contrast")) : found, state).toEqual([]);
      expect(await scrollsSideways(page), state).toBe(false);
    }
  });
}
