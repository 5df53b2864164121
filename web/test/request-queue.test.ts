import assert from "node:assert/strict";
import { after, test } from "node:test";

import { ClipTtlError } from "../src/errors.js";
import { RequestQueue, stopPausing } from "../src/worker/request-queue.js";

after(stopPausing);

const isCancelled = (error: unknown): boolean => error instanceof ClipTtlError && error.code === "cancelled";

test("requests take turns in the order in which they came, also after a failure", async () => {
  const queue = new RequestQueue();
  const log: string[] = [];
  const work = (name: string, fails = false) =>
    queue.run(name.charCodeAt(0), async (ticket) => {
      log.push(`${name} begins`);
      await ticket.pause();
      log.push(`${name} ends`);
      if (fails) throw new Error(name);
    });
  const results = await Promise.allSettled([work("a"), work("b", true), work("c")]);
  assert.deepEqual(log, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  assert.deepEqual(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assert.ok(!queue.isBusy);
});

test("a cancelled request ends at its next pause, and one that waits never begins", async () => {
  const queue = new RequestQueue();
  let rounds = 0;
  const endless = queue.run(1, async (ticket) => {
    for (;;) {
      rounds += 1;
      await ticket.pause();
    }
  });
  const waiting = queue.run(2, async () => assert.fail("it was cancelled"));
  const last = queue.run(3, async () => "done");
  setTimeout(() => {
    queue.cancel(2);
    queue.cancel(1);
  }, 5);
  await assert.rejects(endless, isCancelled);
  await assert.rejects(waiting, isCancelled);
  assert.equal(await last, "done");
  assert.ok(rounds > 1);
});

test("cancelling what is over does nothing", async () => {
  const queue = new RequestQueue();
  assert.equal(await queue.run(1, async () => 7), 7);
  queue.cancel(1);
  queue.cancel(99);
});
