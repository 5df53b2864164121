import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { ClipTtlError } from "../src/errors.js";
import { expectedBytes, readBody } from "../src/fetching.js";
import { DownloadProgress, fetchModel, resolveModel } from "../src/models.js";
import type { WireModel } from "../src/protocol.js";
import type { LoadProgress, ModelFiles } from "../src/types.js";

const realFetch = globalThis.fetch;

afterEach(() => {
  globalThis.fetch = realFetch;
});

test("the model that ships is found in the folder that was named, else beside the code", () => {
  const named = resolveModel("pocket", "https://cdn.example/clip/");
  assert.deepEqual(named.weights, { kind: "url", url: "https://cdn.example/clip/models/pocket/model.safetensors" });
  const beside = resolveModel(undefined, null);
  assert.equal(beside.name, "pocket");
  assert.ok(beside.config.kind === "url" && beside.config.url.endsWith("/models/pocket/config.json"));
});

test("files may be addresses, blobs or bytes, and a part of a buffer is not taken for the whole", () => {
  const part = new Uint8Array([9, 1, 2, 9]).subarray(1, 3);
  const model = resolveModel({ name: "mine", config: new Blob(["{}"]), weights: part }, null);
  assert.equal(model.preprocessor, null);
  assert.ok(model.config.kind === "data" && model.config.data instanceof Blob);
  assert.ok(model.weights.kind === "data" && model.weights.data instanceof ArrayBuffer);
  assert.deepEqual([...new Uint8Array(model.weights.data)], [1, 2]);
});

test("what is no model is refused", () => {
  for (const wrong of ["vit-xxl", null, { name: "x", config: "config.json" }, { name: "x", config: 3, weights: "w" }]) {
    assert.throws(
      () => resolveModel(wrong as unknown as ModelFiles, "https://example.org/"),
      (error) => error instanceof ClipTtlError && error.code === "model-unknown",
      JSON.stringify(wrong),
    );
  }
});

test("progress adds up, and has no total until every file's size is known", () => {
  const seen: LoadProgress[] = [];
  const progress = new DownloadProgress((report) => seen.push(report));
  progress.expect("a", 100);
  progress.expect("b", null);
  progress.advance("a", 40);
  assert.deepEqual([seen.at(-1)?.loadedBytes, seen.at(-1)?.totalBytes], [40, null]);
  progress.expect("b", 50);
  progress.advance("b", 10);
  assert.deepEqual([seen.at(-1)?.loadedBytes, seen.at(-1)?.totalBytes], [50, 150]);
  progress.complete("b", 60);
  assert.deepEqual([seen.at(-1)?.loadedBytes, seen.at(-1)?.totalBytes], [100, 160]);
  progress.report("ready");
  assert.equal(seen.at(-1)?.stage, "ready");
});

test("a server that announced too little loses its total instead of going over 100 %", () => {
  let last: LoadProgress | undefined;
  const progress = new DownloadProgress((report) => (last = report));
  progress.expect("a", 10);
  progress.advance("a", 11);
  assert.equal(last?.totalBytes, null);
});

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

test("a missing file of a model is an error that names it", async () => {
  globalThis.fetch = async (input) => new Response("{}", { status: String(input).endsWith("config.json") ? 200 : 404 });
  const model: WireModel = {
    name: "m",
    config: { kind: "url", url: "https://example.org/config.json" },
    preprocessor: null,
    weights: { kind: "url", url: "https://example.org/model.safetensors" },
  };
  const loading = fetchModel(model, new DownloadProgress(() => undefined), new AbortController().signal);
  await assert.rejects(loading, (error) => error instanceof ClipTtlError && error.code === "http-status" && /model\.safetensors/.test(error.message));
});
