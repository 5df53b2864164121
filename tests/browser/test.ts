/**
 * `test` and `expect` for all specs. Every test fails, whatever else it checks, if the page reports an error that the test did not
 * announce, or if it asks for anything that is not on this machine.
 */

import { test as base, expect, type Page } from "@playwright/test";

export { expect };

export interface Watch {
  /** Announces errors that the test provokes: messages on the console or uncaught errors that match are none. */
  allowError(pattern: RegExp): void;
  /** Announces requests that the test provokes. */
  allowRequest(pattern: RegExp): void;
}

export const test = base.extend<{ watch: Watch }>({
  watch: [
    async ({ context, baseURL }, use) => {
      const origin = new URL(baseURL ?? "").origin;
      const errors: string[] = [];
      const requests: string[] = [];
      const allowedErrors: RegExp[] = [];
      const allowedRequests: RegExp[] = [];

      context.on("console", (message) => {
        if (message.type() === "error") {
          errors.push(`${message.text()} (${message.location().url})`);
        }
      });
      context.on("weberror", (error) => {
        errors.push(`uncaught: ${error.error().message}`);
      });
      // Requests of workers are among them.
      context.on("request", (request) => {
        const { protocol, origin: asked } = new URL(request.url());
        if (protocol !== "data:" && protocol !== "blob:" && asked !== origin) {
          requests.push(request.url());
        }
      });

      await use({
        allowError: (pattern) => void allowedErrors.push(pattern),
        allowRequest: (pattern) => void allowedRequests.push(pattern),
      });

      const unexpected = (found: string[], allowed: RegExp[]): string[] =>
        found.filter((text) => !allowed.some((pattern) => pattern.test(text)));
      expect.soft(unexpected(errors, allowedErrors), "errors that the page reported").toEqual([]);
      expect.soft(unexpected(requests, allowedRequests), "requests that left the site").toEqual([]);
    },
    { auto: true },
  ],
});

/** Fails where the browser has no WebGPU adapter: tests on WebGPU must not pass for want of one. */
export async function expectWebGpuAdapter(page: Page): Promise<void> {
  // The types of WebGPU are not part of TypeScript's.
  interface Gpu {
    requestAdapter(): Promise<{ info: { vendor: string; architecture: string } } | null>;
  }
  const adapter = await page.evaluate(async () => {
    const { gpu } = navigator as Navigator & { gpu?: Gpu };
    const found = await gpu?.requestAdapter();
    return found == null ? null : `${found.info.vendor} ${found.info.architecture}`;
  });
  expect(adapter, "a WebGPU adapter").not.toBeNull();
}
