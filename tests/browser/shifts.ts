/** Layout shifts: what moves although nobody moved it. */

import type { Page } from "@playwright/test";

/** Notes every layout shift of the pages that are opened from now on, those right after somebody's input included. */
export async function watchShifts(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const shifts: { value: number; sources: string[] }[] = [];
    Object.assign(window, { layoutShifts: shifts });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { value, sources } = entry as PerformanceEntry & { value: number; sources: { node: Node | null }[] };
        const names = sources.map(({ node }) => (node instanceof Element ? `${node.tagName.toLowerCase()}#${node.id}.${node.getAttribute("class") ?? ""}` : String(node?.nodeName)));
        shifts.push({ value, sources: names });
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
}

/** The shifts so far, as `value: what moved`; what is smaller than a thousandth of the screen nobody sees. */
export async function shiftsOf(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const shifts = Reflect.get(window, "layoutShifts") as { value: number; sources: string[] }[];
    return shifts.filter(({ value }) => value > 0.001).map(({ value, sources }) => `${value.toFixed(4)}: ${sources.join(", ")}`);
  });
}

/** Forgets the shifts so far. */
export async function forgetShifts(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    (Reflect.get(window, "layoutShifts") as unknown[]).length = 0;
  });
}
