/** The demo page through a person's eyes: what they do, and what they read. Ids and texts of the page are known here only. */

import { expect, type JSHandle, type Locator, type Page } from "@playwright/test";

/** A row of the bars. Shares are in percent as written, null where there is none yet. */
export interface BarRow {
  readonly label: string;
  readonly before: number | null;
  readonly after: number | null;
  /** Percentage points. */
  readonly change: number | null;
}

/** Loading the engine and running it take longer on a machine that does other things. */
const PATIENCE_MS = 120_000;

export class Demo {
  readonly page: Page;
  readonly status: Locator;
  readonly device: Locator;
  readonly caption: Locator;
  readonly labels: Locator;
  readonly template: Locator;
  readonly sentence: Locator;
  readonly announcer: Locator;
  readonly pictureProblem: Locator;
  readonly urlProblem: Locator;
  readonly labelsProblem: Locator;
  readonly templateProblem: Locator;
  readonly engineProblem: Locator;
  readonly warnings: Locator;
  readonly runButton: Locator;
  readonly stepButton: Locator;
  readonly cancelButton: Locator;
  readonly resetButton: Locator;
  readonly rows: Locator;
  readonly tiles: Locator;

  constructor(page: Page) {
    this.page = page;
    this.status = page.locator("#status");
    this.device = page.locator("#device");
    this.caption = page.locator("#picture-caption");
    this.labels = page.getByRole("textbox", { name: "Labels", exact: true });
    this.template = page.getByRole("textbox", { name: "Prompt", exact: true });
    this.sentence = page.locator("#sentence");
    this.announcer = page.getByRole("status");
    this.pictureProblem = page.locator("#picture-problem");
    this.urlProblem = page.locator("#url-problem");
    this.labelsProblem = page.locator("#labels-problem");
    this.templateProblem = page.locator("#template-problem");
    this.engineProblem = page.locator("#engine-problem");
    this.warnings = page.locator("#warnings li");
    this.runButton = page.getByRole("button", { name: "Run", exact: true });
    this.stepButton = page.getByRole("button", { name: "Step", exact: true });
    this.cancelButton = page.getByRole("button", { name: "Cancel", exact: true });
    this.resetButton = page.getByRole("button", { name: "Reset", exact: true });
    this.rows = page.locator("#bars tbody tr");
    this.tiles = page.locator("#strip [role=option]");
  }

  async open(): Promise<void> {
    await this.page.goto("./");
  }

  /** Opens the page, and waits until the sample picture that it begins with is compared with the labels. */
  async openReady(): Promise<void> {
    await this.open();
    await this.loaded();
    await this.compared();
  }

  async loaded(): Promise<void> {
    await expect(this.device).toHaveText(/^Running on/, { timeout: PATIENCE_MS });
  }

  /** Waits until the bars show what the labels' probabilities are before any adaptation. */
  async compared(): Promise<void> {
    await expect(this.rows.first().locator("td").first()).toContainText("%", { timeout: PATIENCE_MS });
    await expect(this.status).toHaveText(/^Ready/, { timeout: PATIENCE_MS });
  }

  /** Drops a file onto the page as one does with the mouse: into the picture's frame, or elsewhere. */
  async drop(file: Buffer, name: string, type: string, target: Locator = this.page.locator("#drop")): Promise<void> {
    const data = await this.#transfer(file, name, type);
    await target.dispatchEvent("dragenter", { dataTransfer: data });
    await target.dispatchEvent("dragover", { dataTransfer: data });
    await target.dispatchEvent("drop", { dataTransfer: data });
    await data.dispose();
  }

  /** Pastes a file, as with Ctrl+V, with what lies beside it on the clipboard. Gives back whether the page has left it to the browser. */
  async paste(file: Buffer, name: string, type: string, { target = this.page.locator("body"), text = "" } = {}): Promise<boolean> {
    const data = await this.#transfer(file, name, type);
    const isLeft = await target.evaluate(
      (element, { clipboardData, text }) => {
        if (text !== "") clipboardData.setData("text/plain", text);
        return element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
      },
      { clipboardData: data, text },
    );
    await data.dispose();
    return isLeft;
  }

  #transfer(file: Buffer, name: string, type: string): Promise<JSHandle<DataTransfer>> {
    return this.page.evaluateHandle(
      ({ bytes, name, type }) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], name, { type }));
        return transfer;
      },
      { bytes: file.toString("base64"), name, type },
    );
  }

  async choose(file: Buffer, name: string, mimeType: string): Promise<void> {
    await this.page.locator("#file").setInputFiles({ name, mimeType, buffer: file });
  }

  async takeAddress(address: string): Promise<void> {
    await this.page.getByRole("textbox", { name: "Address of a picture" }).fill(address);
    await this.page.getByRole("button", { name: "Load", exact: true }).click();
  }

  async setLabels(labels: readonly string[]): Promise<void> {
    await this.labels.fill(labels.join("\n"));
  }

  /** Types a value into a field of the settings. */
  async set(setting: string, value: number | string): Promise<void> {
    await this.openSettings();
    await this.page.locator("#controls").getByLabel(setting, { exact: true }).fill(String(value));
  }

  async setDevice(device: "auto" | "webgpu" | "cpu"): Promise<void> {
    await this.openSettings();
    await this.page.locator("#controls").getByLabel("Device", { exact: true }).selectOption(device);
  }

  async openSettings(): Promise<void> {
    await this.page.locator("#settings").evaluate((details) => details.setAttribute("open", ""));
  }

  /** Presses Run and waits for the end. */
  async run(): Promise<void> {
    await this.runButton.click();
    await this.done();
  }

  /** Presses Run, and gives back at the first moment that the status says this. Looking at it now and then would miss moments that pass quickly. */
  async runUntil(status: RegExp): Promise<void> {
    await this.#runTo(status, false);
  }

  /** Presses Run, and Cancel at the first moment that the status says this. */
  async runAndCancelAt(status: RegExp): Promise<void> {
    await this.#runTo(status, true);
  }

  async #runTo(status: RegExp, cancels: boolean): Promise<void> {
    const cancel = await this.cancelButton.elementHandle();
    const reached = await this.status.evaluateHandle(
      (element, { source, cancel }) => {
        const promise = new Promise<void>((resolve) => {
          const observer = new MutationObserver(() => {
            if (!new RegExp(source).test(element.textContent ?? "")) return;
            observer.disconnect();
            if (cancel instanceof HTMLElement) cancel.click();
            resolve();
          });
          observer.observe(element, { childList: true, characterData: true, subtree: true });
        });
        return { promise };
      },
      { source: status.source, cancel: cancels ? cancel : null },
    );
    await this.runButton.click();
    await reached.evaluate(({ promise }) => promise);
    await reached.dispose();
  }

  /** Waits for the end of a run; ends early where the page reports a problem instead. */
  async done(): Promise<void> {
    await expect(this.cancelButton).toHaveAttribute("aria-disabled", "true", { timeout: PATIENCE_MS });
    // A run that is tried again begins by loading the engine, and can't be cancelled until that is there.
    await expect(this.status).toHaveText(/updates? in .+ on the (CPU|GPU)\.$/, { timeout: PATIENCE_MS });
  }

  /** The rows of the bars from top to bottom. */
  async bars(): Promise<BarRow[]> {
    const rows = await this.rows.evaluateAll((elements) =>
      elements.map((row) => {
        const [before, after] = [...row.querySelectorAll("td")].map((cell) => cell.textContent);
        const points = row.querySelector(".ct-bars-points")?.textContent ?? "";
        return { label: row.querySelector("th")?.textContent ?? "", before: before ?? "", after: after ?? "", change: points };
      }),
    );
    return rows.map(({ label, before, after, change }) => ({
      label,
      before: before.includes("%") ? numberIn(before) : null,
      after: after.includes("%") ? numberIn(after) : null,
      change: change === "" ? null : numberIn(change),
    }));
  }

  /** The plot's table, without its heading: the number of updates, and the four values as they are written. */
  async plotTable(): Promise<string[][]> {
    return this.page
      .locator("#plot tbody tr")
      .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent ?? "")));
  }

  /** Number of points of a curve that are drawn. */
  points(series: "prediction" | "mean" | "marginal" | "loss"): Locator {
    return this.page.locator(`#plot .ct-plot-graphic .ct-plot-${series} .ct-plot-mark`);
  }
}

/** "−12.5" has a true minus sign, "<0.1%" a mark. */
function numberIn(text: string): number {
  return Number(text.replace("\u2212", "-").replace(/[^\d.-]/g, ""));
}
