import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { hasGraphics } from "../src/worker/graphics.js";

const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");

afterEach(() => {
  if (before === undefined) Reflect.deleteProperty(globalThis, "navigator");
  else Object.defineProperty(globalThis, "navigator", before);
});

function browserWith(gpu: unknown): void {
  Object.defineProperty(globalThis, "navigator", { value: { gpu }, configurable: true });
}

const answering = (adapter: unknown): unknown => ({ requestAdapter: () => Promise.resolve(adapter) });

test("a graphics device counts if there is an adapter, and a real one", async () => {
  for (const [adapter, expected] of [
    [{ info: { isFallbackAdapter: false } }, true],
    [{ info: { isFallbackAdapter: true } }, false],
    // Where browsers said it before.
    [{ isFallbackAdapter: true }, false],
    [{ isFallbackAdapter: true, info: {} }, false],
    [{ info: {} }, true],
    [{}, true],
    [null, false],
  ] as const) {
    browserWith(answering(adapter));
    assert.equal(await hasGraphics(), expected, JSON.stringify(adapter));
  }
});

test("a browser without WebGPU, or one that refuses to say, has none", async () => {
  browserWith(undefined);
  assert.equal(await hasGraphics(), false);
  browserWith({ requestAdapter: () => Promise.reject(new Error("not here")) });
  assert.equal(await hasGraphics(), false);
  browserWith({
    requestAdapter: () => {
      throw new Error("not here");
    },
  });
  assert.equal(await hasGraphics(), false);
});
