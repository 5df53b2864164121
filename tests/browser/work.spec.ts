/** How much work is done and how much is downloaded: counts, which are the same on every machine, where times are not. */

import { gzipSync } from "node:zlib";

import type { Page } from "@playwright/test";

import { beforeWorker, load, openBare } from "./bare.js";
import { expect, expectWebGpuAdapter, test } from "./test.js";

/** What the engine asks of a graphics device. */
interface Counts {
  /** Kernels that were launched. */
  readonly dispatches: number;
  /** Batches of them. */
  readonly submissions: number;
  /** Buffers whose numbers were waited for. */
  readonly readBacks: number;
  readonly readBackBytes: number;
}

const COUNT = `
  const counts = (globalThis.counts = { dispatches: 0, submissions: 0, readBacks: 0, readBackBytes: 0 });
  const before = (prototype, name, note) => {
    const original = prototype[name];
    prototype[name] = function (...values) {
      note(this);
      return original.apply(this, values);
    };
  };
  before(GPUComputePassEncoder.prototype, "dispatchWorkgroups", () => { counts.dispatches += 1; });
  before(GPUComputePassEncoder.prototype, "dispatchWorkgroupsIndirect", () => { counts.dispatches += 1; });
  before(GPUQueue.prototype, "submit", () => { counts.submissions += 1; });
  before(GPUBuffer.prototype, "mapAsync", (buffer) => { counts.readBacks += 1; counts.readBackBytes += buffer.size; });
`;

async function counts(page: Page): Promise<Counts> {
  const worker = page.workers()[0];
  if (worker === undefined) throw new Error("no worker");
  return worker.evaluate(() => ({ ...(globalThis as unknown as { counts: Counts }).counts }));
}

/** Counts of an episode. Each has a seed of its own: with the same one, the package would go on from the episode before. */
async function episode(page: Page, steps: number): Promise<Counts> {
  const before = await counts(page);
  await page.evaluate(async (steps) => {
    const run = window.clip.adapt("./samples/chelsea.png", ["cat", "dog", "bird"], { views: 2, steps, seed: 10 + steps });
    await run.result;
  }, steps);
  return difference(before, await counts(page));
}

function difference(less: Counts, more: Counts): Counts {
  return {
    dispatches: more.dispatches - less.dispatches,
    submissions: more.submissions - less.submissions,
    readBacks: more.readBacks - less.readBacks,
    readBackBytes: more.readBackBytes - less.readBackBytes,
  };
}

test("each update asks the same of a graphics device, and no more than it did", async ({ page }) => {
  test.setTimeout(240_000);
  await beforeWorker(page, COUNT);
  await openBare(page);
  await expectWebGpuAdapter(page);
  await load(page, "webgpu");
  // The labels are encoded once, by the first episode.
  const [first, one, two, three] = [await episode(page, 0), await episode(page, 1), await episode(page, 2), await episode(page, 3)];
  expect(first.dispatches).toBeGreaterThan(0);
  const [second, third] = [difference(one, two), difference(two, three)];
  const work = ({ dispatches, readBacks, readBackBytes }: Counts) => ({ dispatches, readBacks, readBackBytes });
  expect(work(second)).toEqual(work(third));
  expect(third.dispatches, "kernels for an update").toBeLessThanOrEqual(567);
  // The logits of the views and of the centre view, and a norm for each of the six projections with adapters, in one wait.
  expect(third.readBacks, "buffers read back").toBe(8);
  expect(third.readBackBytes).toBeLessThanOrEqual(8 * 16 * 1024);
  expect(third.submissions).toBeLessThanOrEqual(24);
});

test("the engines are no larger than they were", async ({ page }) => {
  for (const [name, megabytes, compressed] of [
    ["clip_ttl_bg.wasm", 10.6, 2.85],
    ["clip_ttl_cpu_bg.wasm", 3.8, 1.2],
  ] as const) {
    const body = await (await page.request.get(`./clip-ttl/${name}`)).body();
    expect(body.length / 1e6, `MB of ${name}`).toBeLessThanOrEqual(megabytes);
    expect(gzipSync(body, { level: 9 }).length / 1e6, `MB of ${name} with gzip`).toBeLessThanOrEqual(compressed);
  }
});
