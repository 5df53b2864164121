/** Pages of other people with `<clip-ttl>` in them, and the element through a person's eyes. */

import { expect, type Locator, type Page } from "@playwright/test";

import type { ClipTtlElement } from "../../web/src/element/index.js";

export interface HostPage {
  /** What is in the page's body. */
  readonly body: string;
  /** What is in its head besides. */
  readonly head?: string;
  readonly lang?: string;
  readonly dir?: "ltr" | "rtl";
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the page loads the element itself. Default: true. */
  readonly hasScript?: boolean;
}

/** Loading the engine and running it take longer on a machine that does other things. */
export const PATIENCE_MS = 120_000;

/** An element that answers soon: few labels, few views. */
export const QUICK = `<clip-ttl src="./samples/chelsea.png" alt="A tabby cat" labels="cat, dog, teapot" views="4" device="cpu"></clip-ttl>`;

/** The whole page as text. */
export function hostPage({ body, head = "", lang = "en", dir = "ltr", hasScript = true }: HostPage): string {
  return `<!doctype html>
<html lang="${lang}" dir="${dir}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>An article</title>
<link rel="icon" href="./icon.svg">
${hasScript ? '<script type="module" src="./clip-ttl/element.js"></script>' : ""}
${head}
</head>
<body>
<main>
<h1>An article</h1>
${body}
</main>
</body>
</html>
`;
}

/** Opens a page at the site's own address. */
export async function openHost(page: Page, host: HostPage): Promise<void> {
  const body = hostPage(host);
  await page.route("**/article.html", (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body, headers: { ...host.headers } }));
  await page.goto("./article.html");
}

export class ClipTtlPage {
  readonly page: Page;
  readonly element: Locator;
  readonly labels: Locator;
  readonly status: Locator;
  readonly answer: Locator;
  readonly rows: Locator;
  readonly announcer: Locator;
  readonly problem: Locator;
  readonly views: Locator;

  /** The first element of a page, or the one that a selector finds. */
  constructor(page: Page, selector = "clip-ttl") {
    this.page = page;
    this.element = page.locator(selector).first();
    this.labels = this.element.getByRole("textbox", { name: "Labels" });
    this.status = this.element.locator(".w-status-words");
    this.answer = this.element.locator("[part=answer]");
    this.rows = this.element.locator("[part=bars] tbody tr");
    this.announcer = this.element.getByRole("status");
    this.problem = this.element.locator("[part=problem]");
    this.views = this.element.getByRole("option", { name: /^View / });
  }

  button(name: "Run" | "Step" | "Cancel" | "Reset" | "Choose a picture" | "Change picture" | "Try again"): Locator {
    return this.element.getByRole("button", { name, exact: true });
  }

  /** Waits until the picture is shown. */
  async pictured(): Promise<void> {
    await expect(this.button("Change picture")).toBeVisible({ timeout: PATIENCE_MS });
  }

  /** Waits for the answer without adaptation. */
  async compared(): Promise<void> {
    await expect(this.answer).toHaveText(/^Before adapting/, { timeout: PATIENCE_MS });
  }

  /** Waits for a run's result. */
  async done(): Promise<void> {
    await expect(this.status).toHaveText(/updates? in .+ on the (CPU|GPU)\.$/, { timeout: PATIENCE_MS });
  }

  async run(): Promise<void> {
    await this.button("Run").click();
    await this.done();
  }

  /** Calls something of the element's in the page. */
  evaluate<Result>(script: (element: ClipTtlElement) => Result | Promise<Result>): Promise<Result>;
  evaluate<Result, Value>(script: (element: ClipTtlElement, value: Value) => Result | Promise<Result>, value: Value): Promise<Result>;
  evaluate<Result, Value>(script: (element: ClipTtlElement, value: Value) => Result | Promise<Result>, value?: Value): Promise<Result> {
    return this.element.evaluate(script as unknown as (element: SVGElement | HTMLElement, value: unknown) => Result | Promise<Result>, value);
  }

  /** The shares of a row, as they are written. */
  async shares(): Promise<string[][]> {
    return this.rows.evaluateAll((rows) => rows.map((row) => [row.querySelector("th")?.textContent ?? "", ...[...row.querySelectorAll(".ct-bars-value")].map((cell) => cell.textContent ?? "")]));
  }
}
