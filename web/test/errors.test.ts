import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { adviceFor, cancelled, ClipTtlError, ERROR_CODES, fromWire, isErrorCode, toWire } from "../src/errors.js";

/** Codes that the Rust sources name: in `fn code()` of each crate's error, and in the glue's own errors. */
async function codesInRust(): Promise<Map<string, string>> {
  const codes = new Map<string, string>();
  for (const crate of ["clip-model", "clip-adapt", "clip-wasm"]) {
    const folder = join(process.cwd(), "../crates", crate, "src");
    const files = (await readdir(folder)).filter((name) => name === "error.rs");
    assert.equal(files.length, 1, `${crate} has its errors in error.rs`);
    const source = await readFile(join(folder, "error.rs"), "utf8");
    for (const [, code] of source.matchAll(/(?:=>|code:) "([a-z]+(?:-[a-z]+)*)"/g)) codes.set(String(code), crate);
  }
  return codes;
}

test("every code of the engine has its advice here", async () => {
  const codes = await codesInRust();
  assert.ok(codes.size > 25, `found ${codes.size} codes`);
  const unknown = [...codes].filter(([code]) => !isErrorCode(code));
  assert.deepEqual(unknown, []);
});

test("every code has an advice that is a sentence", () => {
  for (const code of ERROR_CODES) assert.match(adviceFor(code), /^[A-Z].+\."?$/s, code);
});

test("the message has the reason and the advice, and names keep their spelling", () => {
  const picture = new ClipTtlError("picture-empty", "the picture is empty");
  assert.match(picture.message, /^The picture is empty\. Use a picture/);
  assert.equal(picture.reason, "the picture is empty");
  const config = new ClipTtlError("config-invalid", "config.json can't be read: no");
  assert.match(config.message, /^config\.json can't be read: no\. Check/);
});

test("an error survives the way out of the worker", () => {
  const original = new ClipTtlError("option-invalid", "steps = 0 is not possible", { option: "steps" });
  const arrived = fromWire(structuredClone(toWire(original)));
  assert.ok(arrived instanceof ClipTtlError);
  assert.equal(arrived.code, "option-invalid");
  assert.equal(arrived.option, "steps");
  assert.equal(arrived.message, original.message);
});

test("an engine's error is known by its code, and anything else is unknown", () => {
  assert.equal(toWire(Object.assign(new Error("no labels"), { code: "labels-none", option: null })).code, "labels-none");
  assert.equal(toWire(Object.assign(new Error("?"), { code: "ENOENT" })).code, "unknown");
  assert.equal(toWire("text", "worker-failed").code, "worker-failed");
  assert.equal(toWire(undefined).reason, "undefined");
});

test("a cancellation carries what abort was given", () => {
  const abort = new AbortController();
  abort.abort("enough");
  const error = cancelled("The run", abort.signal);
  assert.equal(error.code, "cancelled");
  assert.equal(error.cause, "enough");
});
