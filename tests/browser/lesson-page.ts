/** The lesson through a reader's eyes. Ids and texts of the page are known here only. */

import { expect, type Locator, type Page } from "@playwright/test";

/** Loading the engine and running it take longer on a machine that does other things. */
const PATIENCE_MS = 120_000;

/** A file as `setInputFiles` takes it. */
export interface TestFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

export class Lesson {
  readonly page: Page;
  readonly title: Locator;
  readonly note: Locator;
  readonly linkNote: Locator;
  readonly scrubber: Locator;
  readonly state: Locator;
  readonly play: Locator;
  readonly story: Locator;
  readonly status: Locator;
  readonly problem: Locator;
  readonly device: Locator;
  readonly runButton: Locator;
  readonly cancelButton: Locator;
  readonly tiles: Locator;
  readonly views: Locator;
  readonly comparison: Locator;
  /** The folded part with another picture, other labels and settings. */
  readonly change: Locator;
  readonly announcer: Locator;

  constructor(page: Page) {
    this.page = page;
    this.title = page.locator("#walk-title");
    this.note = page.locator("#walk-note");
    this.linkNote = page.locator("#link-note");
    this.scrubber = page.getByRole("slider", { name: "Updates done" });
    this.state = page.locator("#player-state");
    this.play = page.locator("#player-play");
    this.story = page.locator("#story .story-shown");
    this.status = page.locator("#status");
    this.problem = page.locator("#run-problem");
    this.device = page.locator("#device");
    this.runButton = page.getByRole("button", { name: "Run it here" });
    this.cancelButton = page.getByRole("button", { name: "Cancel", exact: true });
    this.tiles = page.locator("#strip [role=option]");
    this.views = page.locator("#overlay .ct-overlay-box");
    this.comparison = page.locator("#comparison .story-shown");
    this.change = page.locator("#change");
    this.announcer = page.locator("#announcer");
  }

  /** Opens a link, and waits until its run is on stage. */
  async open(hash = ""): Promise<void> {
    await this.page.goto(`./lesson.html${hash === "" ? "" : `#${hash}`}`);
    await this.shown();
  }

  /** Waits until a run is on stage, recorded or computed. */
  async shown(): Promise<void> {
    await expect(this.story).not.toBeEmpty({ timeout: PATIENCE_MS });
    await expect(this.tiles.first()).toBeAttached();
  }

  /** Waits for the end of a run. */
  async done(): Promise<void> {
    await expect(this.status).toHaveText(/done\. Step through them above\.$/, { timeout: PATIENCE_MS });
    await expect(this.page.locator("#cancel")).toHaveAttribute("aria-disabled", "true");
  }

  /** Asks for a second run that differs in the rank. */
  async runOther(rank: number): Promise<void> {
    await this.page.locator("#compare-rank").fill(String(rank));
    await this.page.getByRole("button", { name: "Run B next to it" }).click();
    await this.done();
  }

  column(which: "a" | "b"): Locator {
    return this.page.locator(`#run-${which}`);
  }

  /** The rows of a column's bars: label, before and after as written. */
  async bars(which: "a" | "b" = "a"): Promise<string[][]> {
    return this.column(which)
      .locator(".ct-bars tbody tr")
      .evaluateAll((rows) => rows.map((row) => [row.querySelector("th")?.textContent ?? "", ...[...row.querySelectorAll("td")].slice(0, 2).map((cell) => cell.textContent ?? "")]));
  }

  /** The column's table of norms, row by row. */
  async norms(which: "a" | "b" = "a"): Promise<number[][]> {
    return this.column(which)
      .locator(".norms tbody tr")
      .evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll(".norms-value")].map((cell) => Number(cell.textContent))));
  }

  /** What is said of each view while one points at it, and whether all of it is seen. */
  async describedViews(): Promise<{ readonly words: string; readonly fits: boolean }[]> {
    return this.tiles.evaluateAll((tiles) =>
      tiles.map((tile) => {
        tile.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
        const places = [...document.querySelectorAll(".detail, .detail-words")];
        const fits = places.every((place) => place.scrollHeight <= place.clientHeight && place.scrollWidth <= place.clientWidth);
        return { words: document.querySelector(".detail-words")?.textContent ?? "", fits };
      }),
    );
  }

  /** What is said of views where not all of it is seen. */
  async viewsCutOff(): Promise<string[]> {
    return (await this.describedViews()).filter(({ fits }) => !fits).map(({ words }) => words);
  }

  /** The file that a button of a column gives. */
  async save(button: string, which: "a" | "b" = "a"): Promise<Buffer> {
    const coming = this.page.waitForEvent("download");
    await this.column(which).getByRole("button", { name: button, exact: true }).click();
    const download = await coming;
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }

  /** Drops a file onto the page as one does with the mouse. */
  async drop(file: Buffer, name: string, type: string): Promise<void> {
    await this.dropAll([{ name, mimeType: type, buffer: file }]);
  }

  /** Drops several files at once. */
  async dropAll(files: readonly TestFile[]): Promise<void> {
    const data = await this.page.evaluateHandle(
      (files) => {
        const transfer = new DataTransfer();
        for (const { bytes, name, type } of files) transfer.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], name, { type }));
        return transfer;
      },
      files.map(({ name, mimeType, buffer }) => ({ bytes: buffer.toString("base64"), name, type: mimeType })),
    );
    await this.page.locator("main").dispatchEvent("drop", { dataTransfer: data });
    await data.dispose();
  }
}
