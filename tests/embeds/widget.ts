/** A `<clip-ttl>` through a reader's eyes, in a page or in a frame. */

import type { FrameLocator, Locator, Page } from "../browser/playwright.js";
import { expect } from "./test.js";

/** What a run tells, as far as the tests look at it. */
export interface Report {
  readonly labels: readonly string[];
  readonly after: readonly { readonly label: string; readonly probability: number }[];
  readonly options: { readonly views: number; readonly steps: number; readonly seed: number };
  readonly views: readonly object[];
  readonly steps: readonly object[];
}

/** Enough for a real episode, and quick. */
export const VIEWS = 4;

export class Widget {
  readonly host: Locator;
  readonly runButton: Locator;

  constructor(place: Page | FrameLocator | Locator, index = 0) {
    this.host = place.locator("clip-ttl").nth(index);
    this.runButton = this.host.getByRole("button", { name: "Run", exact: true });
  }

  /** Presses Run and gives the result that the page is told. */
  async run(): Promise<Report> {
    const pending = await this.host.evaluateHandle((element, views) => {
      element.setAttribute("views", String(views));
      const result = new Promise<unknown>((resolve, reject) => {
        element.addEventListener("result", (event) => resolve((event as CustomEvent<{ report: unknown }>).detail.report), { once: true });
        element.addEventListener("error", (event) => reject(new Error((event as CustomEvent<{ message: string }>).detail.message)), { once: true });
      });
      return { result };
    }, VIEWS);
    await this.runButton.click();
    const report = (await pending.evaluate(({ result }) => result)) as Report;
    await pending.dispose();
    expectResult(report);
    return report;
  }
}

/** That a run of so few views has a result. */
export function expectResult(report: Report): void {
  expect(report.options).toMatchObject({ views: VIEWS, steps: 1 });
  expect(report.views).toHaveLength(VIEWS);
  expect(report.steps).toHaveLength(1);
  expect(report.after.map(({ label }) => label)).toEqual(report.labels);
  expect(report.after.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 4);
}
