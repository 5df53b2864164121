/** The end of the engine: said once, with its reason, and nothing is answered after it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ClipTtlError, type WireError } from "../src/errors.js";
import { GpuWatch } from "../src/worker/gpu-watch.js";
import { Obituary } from "../src/worker/obituary.js";

function watched(): { obituary: Obituary; published: WireError[] } {
  const published: WireError[] = [];
  return { obituary: new Obituary(new GpuWatch(), (error) => void published.push(error)), published };
}

test("a panic is published once, after a lost device has had the time to be reported", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { obituary, published } = watched();
  assert.equal(obituary.isWritten, false);
  obituary.panicked("index out of bounds");
  obituary.crashed(new WebAssembly.RuntimeError("unreachable"));
  assert.equal(obituary.isWritten, true, "from the panic on, no answer is to be trusted");
  assert.equal(published.length, 0);
  context.mock.timers.tick(5000);
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(published.length, 1);
  assert.equal(published[0]?.code, "engine-crashed");
  assert.match(published[0]?.reason ?? "", /index out of bounds/);
});

test("a trap without a panic is the want of memory, in the words of each browser", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  for (const words of ["unreachable", "unreachable executed", "Unreachable code should not be executed"]) {
    const { obituary, published } = watched();
    obituary.crashed(new WebAssembly.RuntimeError(words));
    assert.equal(obituary.isWritten, true);
    context.mock.timers.tick(5000);
    await Promise.resolve();
    await Promise.resolve();
    assert.deepEqual(
      published.map(({ code }) => code),
      ["out-of-memory"],
      words,
    );
  }
});

test("an engine whose stack has overflowed is not asked again, whatever the browser calls that", async () => {
  const inFirefox = Object.assign(new Error("too much recursion"), { name: "InternalError" });
  for (const error of [new RangeError("Maximum call stack size exceeded"), inFirefox]) {
    assert.equal(await watched().obituary.claims(error), true, error.message);
  }
});

test("what a request got wrong is no end", async () => {
  const { obituary, published } = watched();
  assert.equal(await obituary.claims(new ClipTtlError("labels-none", "there is no label")), false);
  assert.equal(obituary.isWritten, false);
  assert.equal(published.length, 0);
});
