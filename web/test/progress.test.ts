import assert from "node:assert/strict";
import { test } from "node:test";

import type { LoadProgress } from "../src/load-types.js";
import { DownloadProgress } from "../src/progress.js";

function record(): { seen: LoadProgress[]; progress: DownloadProgress; sums: () => unknown } {
  const seen: LoadProgress[] = [];
  const progress = new DownloadProgress((report) => seen.push(report), 0);
  return { seen, progress, sums: () => [seen.at(-1)?.loadedBytes, seen.at(-1)?.totalBytes] };
}

test("progress adds up, and has no total until every file's size is known", () => {
  const { seen, progress, sums } = record();
  progress.expect("a", 100);
  progress.expect("b", null);
  progress.advance("a", 40);
  assert.deepEqual(sums(), [40, null]);
  progress.expect("b", 50);
  progress.advance("b", 10);
  assert.deepEqual(sums(), [50, 150]);
  progress.complete("b", 60);
  assert.deepEqual(sums(), [100, 160]);
  progress.expect("c", null);
  progress.absent("c");
  assert.deepEqual(sums(), [100, 160]);
  progress.report("ready");
  assert.equal(seen.at(-1)?.stage, "ready");
});

test("a server that announced too little loses its total instead of going over 100 %", () => {
  const { progress, sums } = record();
  progress.expect("a", 10);
  progress.advance("a", 11);
  assert.deepEqual(sums(), [11, null]);
});

test("bytes are not told of one by one, and everything else at once", () => {
  const seen: LoadProgress[] = [];
  const progress = new DownloadProgress((report) => seen.push(report), 60_000);
  progress.expect("a", 1000);
  for (let count = 1; count < 1000; count += 1) progress.advance("a", count);
  assert.equal(seen.length, 1);
  progress.complete("a", 1000);
  assert.deepEqual([seen.length, seen.at(-1)?.loadedBytes], [2, 1000]);
});

test("weights, pauses and warnings are told with everything else", () => {
  const { seen, progress } = record();
  progress.planned({ dtype: "q8", fileDtype: "f32", parameters: 10, sourceBytes: 40, residentBytes: 11 }, 2, "abc");
  progress.pieceDone(0);
  progress.pieceDone(20);
  const waiter = {};
  progress.retrying(waiter, { file: "a", failures: 1, delayMs: 500, reason: "cut" });
  assert.deepEqual(seen.at(-1)?.retry, { file: "a", failures: 1, delayMs: 500, reason: "cut" });
  assert.equal(seen.at(-1)?.weights?.piecesDone, 2);
  assert.equal(seen.at(-1)?.weights?.fromCacheBytes, 20);
  progress.retrying(waiter, null);
  assert.equal(seen.at(-1)?.retry, null);
  progress.warn({ code: "storage-full", message: "no space" });
  progress.warn({ code: "storage-full", message: "still none" });
  assert.deepEqual(seen.at(-1)?.warnings, [{ code: "storage-full", message: "no space" }]);
});
