import assert from "node:assert/strict";
import { test } from "node:test";

import { ClipTtlError } from "../src/errors.js";
import { expectedBytes, readBody } from "../src/fetching.js";

test("the announced length counts only where it is that of the bytes that are read", () => {
  assert.equal(expectedBytes(new Headers({ "content-length": "12" })), 12);
  assert.equal(expectedBytes(new Headers({ "content-length": "12", "content-encoding": "gzip" })), null);
  assert.equal(expectedBytes(new Headers({ "content-length": "-1" })), null);
  assert.equal(expectedBytes(new Headers()), null);
});

const url = new URL("https://example.org/model.safetensors");

function chunks(...parts: readonly number[][]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(Uint8Array.from(part));
      controller.close();
    },
  });
}

test("a body is read whole, whatever its length was said to be", async () => {
  for (const headers of [{}, { "content-length": "3" }, { "content-length": "2" }] as Record<string, string>[]) {
    const loaded: number[] = [];
    const bytes = await readBody(new Response(chunks([1, 2], [3]), { headers }), url, "the model", (count) => loaded.push(count));
    assert.deepEqual([...bytes], [1, 2, 3]);
    assert.deepEqual(loaded, [2, 3]);
  }
});

test("a body that breaks off is an error", async () => {
  const short = readBody(new Response(chunks([1]), { headers: { "content-length": "9" } }), url, "the model", () => undefined);
  await assert.rejects(short, (error) => error instanceof ClipTtlError && error.code === "network" && /1 of 9/.test(error.message));
});
