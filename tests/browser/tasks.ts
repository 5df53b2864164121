/** How long the page's own thread is kept busy at a time. */

import type { Browser, Page } from "@playwright/test";

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds of the thread's own time. */
  readonly tdur?: number;
}

/** By it the page's thread is known among those of the browser's own pages. */
const MARK = "this is the thread";

/**
 * What each task of the page's own thread takes while `act` goes on, in milliseconds. The processor's time, not the clock's: other programs of
 * this machine work too.
 */
export async function tasksDuring(browser: Browser, page: Page, act: () => Promise<void>): Promise<number[]> {
  await browser.startTracing(page, { categories: ["toplevel", "blink.user_timing"] });
  let trace: Buffer;
  try {
    await act();
    await page.evaluate((mark) => void performance.mark(mark), MARK);
  } finally {
    trace = await browser.stopTracing();
  }
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const marked = traceEvents.find(({ name }) => name === MARK);
  if (marked === undefined) throw new Error("the trace doesn't say which thread is the page's");
  const isOfPage = ({ pid, tid, tdur }: TraceEvent): boolean => pid === marked.pid && tid === marked.tid && tdur !== undefined;
  return traceEvents.filter(isOfPage).map(({ tdur = 0 }) => tdur / 1000);
}
