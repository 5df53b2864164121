import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { ClipTtlError, type ErrorCode } from "../src/errors.js";
import { classifyImage, MAX_ENCODED_BYTES, prepareImage, startsLikePicture, transferables } from "../src/image.js";
import type { ImageInput } from "../src/types.js";

const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13);
const realFetch = globalThis.fetch;

afterEach(() => {
  globalThis.fetch = realFetch;
});

function serve(answer: (url: URL, init: RequestInit | undefined) => Response): void {
  globalThis.fetch = async (input, init) => answer(new URL(String(input)), init);
}

async function codeOf(promise: Promise<unknown>): Promise<ErrorCode> {
  const error = await promise.then(
    () => assert.fail("it should have failed"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ClipTtlError, String(error));
  return error.code;
}

/** An object that calls itself what the browser's class does. */
function posing(tag: string, properties: object = {}): ImageInput {
  return Object.assign(Object.create({ [Symbol.toStringTag]: tag }) as object, properties) as ImageInput;
}

test("each kind of input is known for what it is", () => {
  assert.equal(classifyImage(new Blob([])), "blob");
  assert.equal(classifyImage(new File([], "cat.png")), "blob");
  assert.equal(classifyImage("cat.png"), "address");
  assert.equal(classifyImage(new URL("https://example.org/cat.png")), "address");
  assert.equal(classifyImage(new ArrayBuffer(1)), "bytes");
  assert.equal(classifyImage(PNG), "bytes");
  for (const [tag, kind] of [
    ["ImageData", "image-data"],
    ["ImageBitmap", "image-bitmap"],
    ["HTMLImageElement", "image-element"],
    ["HTMLCanvasElement", "canvas"],
    ["OffscreenCanvas", "canvas"],
  ]) {
    assert.equal(classifyImage(posing(String(tag))), kind);
  }
  for (const nothing of [null, undefined, 3, {}, [], posing("HTMLVideoElement")]) assert.equal(classifyImage(nothing), null);
});

test("what can't be a picture is refused and named", async () => {
  const error = await prepareImage({} as ImageInput).catch((reason: unknown) => reason);
  assert.ok(error instanceof ClipTtlError);
  assert.equal(error.code, "image-unsupported");
  assert.match(error.message, /Object/);
  assert.equal(await codeOf(prepareImage(null as unknown as ImageInput)), "image-unsupported");
});

test("files and bytes stay encoded", async () => {
  const file = await prepareImage(new File([PNG], "cat.png"));
  assert.ok(file.kind === "encoded" && file.source === "cat.png");
  const bytes = await prepareImage(PNG);
  assert.ok(bytes.kind === "encoded" && bytes.data instanceof Blob);
  assert.deepEqual(new Uint8Array(await bytes.data.arrayBuffer()), PNG);
  assert.deepEqual(transferables(bytes), [], "the caller keeps what is his");
});

test("empty and huge files are refused before they are read", async () => {
  assert.equal(await codeOf(prepareImage(new Blob([]))), "picture-empty");
  const huge = posing("Blob", { size: MAX_ENCODED_BYTES + 1 });
  assert.equal(await codeOf(prepareImage(huge)), "picture-too-large");
});

test("an address is fetched, and data: works", async () => {
  serve(() => new Response(PNG, { headers: { "content-type": "image/png" } }));
  const fetched = await prepareImage("https://example.org/cat.png");
  assert.ok(fetched.kind === "encoded" && fetched.source === "https://example.org/cat.png");
  globalThis.fetch = realFetch;
  const inline = await prepareImage(`data:image/png;base64,${Buffer.from(PNG).toString("base64")}`);
  assert.ok(inline.kind === "encoded" && inline.data instanceof Blob && inline.data.size === PNG.length);
});

test("an address that leads to a document is told from one that leads to a mislabelled picture", async () => {
  serve(() => new Response("<!doctype html>", { headers: { "content-type": "text/html; charset=utf-8" } }));
  assert.equal(await codeOf(prepareImage("https://example.org/cat")), "picture-unknown-format");
  serve(() => new Response(PNG, { headers: { "content-type": "text/plain" } }));
  assert.equal((await prepareImage("https://example.org/cat")).kind, "encoded");
});

test("each way in which an address can fail has its code", async () => {
  assert.equal(await codeOf(prepareImage("https://")), "url-invalid");
  assert.equal(await codeOf(prepareImage("file:///etc/hosts")), "url-invalid");
  serve(() => new Response("", { status: 404, statusText: "Not Found" }));
  assert.equal(await codeOf(prepareImage("https://example.org/gone.png")), "http-status");
  serve(() => {
    throw new TypeError("Failed to fetch");
  });
  assert.equal(await codeOf(prepareImage("https://example.org/cat.png")), "network");
  serve((_, init) => {
    if (init?.mode === "no-cors") return new Response(null);
    throw new TypeError("Failed to fetch");
  });
  assert.equal(await codeOf(prepareImage("https://example.org/cat.png")), "cors");
  serve(() => new Response(PNG, { headers: { "content-length": String(MAX_ENCODED_BYTES + 1) } }));
  assert.equal(await codeOf(prepareImage("https://example.org/cat.png")), "picture-too-large");
});

test("fetching can be cancelled", async () => {
  const abort = new AbortController();
  globalThis.fetch = (_, init) =>
    new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError"))));
  const pending = prepareImage("https://example.org/cat.png", abort.signal);
  abort.abort();
  assert.equal(await codeOf(pending), "cancelled");
});

test("pixels of ImageData are copied, and too many are refused", async () => {
  const data = new Uint8ClampedArray([1, 2, 3, 255]);
  const wire = await prepareImage(posing("ImageData", { width: 1, height: 1, data, colorSpace: "srgb" }));
  assert.ok(wire.kind === "rgba");
  assert.deepEqual([...new Uint8Array(wire.data)], [1, 2, 3, 255]);
  assert.notEqual(wire.data, data.buffer);
  assert.deepEqual(transferables(wire), [wire.data]);
  const wide = posing("ImageData", { width: 20_000, height: 10, data, colorSpace: "srgb" });
  assert.equal(await codeOf(prepareImage(wide)), "picture-too-large");
});

test("a closed bitmap and an <img> without address have no pixels", async () => {
  assert.equal(await codeOf(prepareImage(posing("ImageBitmap", { width: 0, height: 0 }))), "picture-empty");
  assert.equal(await codeOf(prepareImage(posing("HTMLImageElement", { src: "", currentSrc: "" }))), "picture-empty");
});

test("the formats that the engine decodes are known by their first bytes", async () => {
  assert.ok(await startsLikePicture(new Blob([PNG])));
  assert.ok(await startsLikePicture(new Blob([Uint8Array.of(0xff, 0xd8, 0xff, 0xe0)])));
  assert.ok(await startsLikePicture(new Blob(["RIFF\0\0\0\0WEBPVP8 "])));
  assert.ok(await startsLikePicture(new Blob(["GIF89a"])));
  assert.ok(!(await startsLikePicture(new Blob(["<svg xmlns="]))));
});
