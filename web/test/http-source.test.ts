import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { HubServer, type Fault } from "../../tests/browser/hub-server.js";
import { ClipTtlError, type ErrorCode } from "../src/errors.js";
import { readHeader } from "../src/hub/header.js";
import type { HttpContext } from "../src/hub/http.js";
import { HttpSource } from "../src/hub/http-source.js";
import { SourceChanged } from "../src/hub/source.js";
import type { RetryProgress } from "../src/load-types.js";
import { checkpoint, QUICK } from "./support/checkpoints.js";

const COMMIT = "c".repeat(40);
const { file, headerBytes } = checkpoint();
/** So small that its connection can be cut at every byte. */
const small = checkpoint({ a: 12, b: 5 });
/** Large enough that its header isn't all there is in the first part. */
const large = checkpoint({ a: 40_000, b: 60_000 });

let hub: HubServer;
before(async () => {
  hub = await HubServer.start({ "o/n": { commits: { [COMMIT]: { "model.safetensors": file, "large.safetensors": large.file, "small.safetensors": small.file, "empty.safetensors": "" } }, refs: { main: COMMIT } } });
});
afterEach(() => {
  hub.forget();
  hub.faults = () => undefined;
  hub.redirects = true;
});
after(() => hub.stop());

function open(options: { name?: string; isSequential?: boolean; isImmutable?: boolean; retries?: RetryProgress[]; onRetry?: (retry: RetryProgress) => void; signal?: AbortSignal } = {}): HttpSource {
  const context: HttpContext = {
    settings: QUICK,
    signal: options.signal ?? new AbortController().signal,
    onRetry: (_, retry) => {
      if (retry === null) return;
      options.retries?.push(retry);
      options.onRetry?.(retry);
    },
    answered: new Set(),
  };
  const { name = "model.safetensors", isSequential = false, isImmutable = false } = options;
  return new HttpSource(new URL(`${hub.url}/o/n/resolve/main/${name}`), { name, what: `the model's ${name}`, context, isSequential, isImmutable });
}

/** Reads everything as loading does: the header, then pieces in order, some at the same time. */
async function readAll(source: HttpSource, whole: Buffer = file, pieceBytes = 70): Promise<Buffer> {
  const header = await readHeader(source);
  const offsets = Array.from({ length: Math.ceil((whole.length - header.length) / pieceBytes) }, (_, index) => header.length + index * pieceBytes);
  const pieces = await Promise.all(offsets.map((offset) => source.read(offset, Math.min(pieceBytes, whole.length - offset), () => undefined)));
  source.close();
  return Buffer.concat([header, ...pieces]);
}

const hasCode = (code: ErrorCode, says = /./) => (error: unknown) => error instanceof ClipTtlError && error.code === code && says.test(error.message);

test("a file is read by parts, with plain requests that need no leave", async () => {
  const source = open({ name: "large.safetensors" });
  assert.deepEqual(await readAll(source, large.file, 100_000), large.file);
  assert.equal(source.size, large.file.length);
  assert.match(source.version ?? "", /^etag:[0-9a-f]{16}$/);
  assert.ok(!source.isSequential);
  for (const { method, range, headers } of hub.requests) {
    assert.equal(method, "GET");
    assert.match(range ?? "", /^bytes=\d+-\d+$/);
    assert.deepEqual(headers.filter((name) => /^(authorization|if-|x-)/.test(name)), []);
  }
  assert.equal(hub.sentBytes("large.safetensors"), large.file.length, "no byte comes twice");
});

test("a file smaller than the first part is there after one request", async () => {
  assert.deepEqual(await readAll(open()), file);
  assert.equal(hub.requests.length, 2, "the redirect, and what it leads to");
});

test("the connection is cut once at every byte, and the file is whole all the same", async () => {
  const name = "small.safetensors";
  const { length } = small.file;
  for (const isSequential of [false, true]) {
    let resumed = 0;
    for (let cut = 0; cut <= length; cut += 1) {
      hub.forget();
      const retries: RetryProgress[] = [];
      hub.faults = (_, count) => (count === 0 ? { cutAfterBytes: cut === 0 ? "before" : cut } : undefined);
      assert.deepEqual(await readAll(open({ name, isSequential, retries }), small.file), small.file, `cut after ${cut} bytes`);
      assert.equal(retries.length, cut < length ? 1 : 0, `cut after ${cut} bytes`);
      if (hub.requests.some(({ range }) => range === `bytes=${cut}-${128 * 1024 - 1}`)) resumed += 1;
    }
    // What came before the cut is not asked for again where parts can be; now and then a cut drops what wasn't handed on yet.
    if (!isSequential) assert.ok(resumed > 0.8 * length, `${resumed} of ${length} went on where they were`);
  }
});

test("a server that cuts every answer is given up, with an error", async () => {
  const retries: RetryProgress[] = [];
  hub.faults = () => ({ cutAfterBytes: "before" });
  await assert.rejects(readAll(open({ retries })), hasCode("network", /model\.safetensors/));
  assert.deepEqual(retries.map(({ failures }) => failures), [1, 2, 3]);
});

test("a cut in the middle of a large file goes on where it was", async () => {
  hub.faults = (_, count) => (count % 2 === 0 ? { cutAfterBytes: 30_000 } : undefined);
  assert.deepEqual(await readAll(open({ name: "large.safetensors" }), large.file, 90_000), large.file);
  assert.equal(hub.sentBytes("large.safetensors"), large.file.length);
});

test("a server that doesn't know parts, or whose parts can't be used, is read from front to back, once", async () => {
  const faults: Record<string, Fault> = {
    "ignores Range": { ignoresRange: true },
    "sends another part": { rangeShift: 5 },
    "compresses": { compresses: true },
    "compresses and ignores Range": { compresses: true, ignoresRange: true },
  };
  for (const [name, fault] of Object.entries(faults)) {
    for (const fromSecond of [false, true]) {
      hub.forget();
      hub.faults = (_, count) => (!fromSecond || count > 0 ? fault : undefined);
      const source = open({ name: "large.safetensors" });
      assert.deepEqual(await readAll(source, large.file, 90_000), large.file, name);
      assert.ok(source.isSequential, name);
      const whole = hub.requests.filter(({ range }) => range === null && fault.ignoresRange !== true).length;
      assert.ok(whole <= 2, `${name}: asked for the whole file ${whole} times`);
    }
  }
});

test("a body of which the end is missing without a word is asked for again, and a file that is too short is an error", async () => {
  for (const isSequential of [false, true]) {
    hub.forget();
    hub.faults = (_, count) => (count === 0 ? { missingBytes: 20, withoutExposedHeaders: true } : undefined);
    assert.deepEqual(await readAll(open({ isSequential })), file);
    hub.forget();
    hub.faults = () => ({ missingBytes: 20, headers: {}, etag: null });
    await assert.rejects(readAll(open({ isSequential })), (error) => error instanceof ClipTtlError && ["checkpoint-corrupt", "network"].includes(error.code));
  }
});

test("a server that gives less than it was asked for is asked for the rest", async () => {
  hub.faults = () => ({ longestPart: 50_000 });
  assert.deepEqual(await readAll(open({ name: "large.safetensors" }), large.file, 200_000), large.file);
});

test("a busy server is waited for, as long as it wants, and a refusal is not asked again", async () => {
  for (const status of [408, 429, 500, 503]) {
    hub.forget();
    const retries: RetryProgress[] = [];
    hub.faults = (_, count) => (count < 2 ? { status, headers: { "retry-after": "0" } } : undefined);
    assert.deepEqual(await readAll(open({ retries })), file);
    assert.equal(retries.length, 2);
    assert.match(retries[0]?.reason ?? "", new RegExp(String(status)));
  }
  hub.forget();
  hub.faults = () => ({ status: 503 });
  await assert.rejects(readAll(open()), hasCode("model-unavailable", /503/));
  for (const [status, code] of [[401, "model-unauthorized"], [403, "model-unauthorized"], [404, "http-status"], [410, "http-status"]] as const) {
    hub.forget();
    hub.faults = () => ({ status });
    await assert.rejects(readAll(open()), hasCode(code, new RegExp(String(status))));
    assert.equal(hub.requests.length, 2);
  }
});

test("a server's wish to be left alone is heeded, as far as anybody would wait", async () => {
  const soon = new Date(Date.now() + 20_000).toUTCString();
  const wishes: readonly [status: number, wish: string | null, least: number, most: number][] = [
    [429, "7", 7000, 7000],
    [503, soon, 15_000, 20_000],
    [503, "3600", 60_000, 60_000],
    [429, null, 2000, 2000],
    [503, null, 0, QUICK.longestDelayMs],
  ];
  for (const [status, wish, least, most] of wishes) {
    hub.forget();
    hub.faults = () => ({ status, headers: wish === null ? {} : { "retry-after": wish } });
    const abort = new AbortController();
    let delayMs = NaN;
    const onRetry = (retry: RetryProgress) => {
      delayMs = retry.delayMs ?? NaN;
      // Before the next request goes out: it would be the first one that the next test's server gets.
      abort.abort();
    };
    await assert.rejects(readAll(open({ onRetry, signal: abort.signal })));
    assert.ok(delayMs >= least && delayMs <= most, `${status} ${wish}: ${delayMs} ms`);
  }
});

test("a server that falls silent counts as cut", async () => {
  hub.faults = (_, count) => (count === 0 ? { isSilent: true } : undefined);
  const retries: RetryProgress[] = [];
  assert.deepEqual(await readAll(open({ retries })), file);
  assert.match(retries[0]?.reason ?? "", /sent nothing/);
});

test("a computer that isn't connected is waited for, but not for ever", async () => {
  const events = new EventTarget();
  const globals = {
    navigator: { onLine: false },
    addEventListener: events.addEventListener.bind(events),
    removeEventListener: events.removeEventListener.bind(events),
  };
  for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value, configurable: true });
  try {
    hub.faults = (_, count) => (count === 0 ? { cutAfterBytes: "before" } : undefined);
    const retries: RetryProgress[] = [];
    const reading = readAll(open({ retries }));
    const connecting = setInterval(() => events.dispatchEvent(new Event("online")), 2);
    assert.deepEqual(await reading, file);
    clearInterval(connecting);
    assert.deepEqual(retries.map(({ delayMs }) => delayMs), [null]);
    hub.forget();
    await assert.rejects(readAll(open()), hasCode("network"));
  } finally {
    for (const name of Object.keys(globals)) Reflect.deleteProperty(globalThis, name);
  }
});

test("a file that changes between two parts is noticed, unless its address names the version", async () => {
  hub.faults = (_, count) => ({ etag: `"${count === 0 ? 1 : 2}"` });
  const changed = (error: unknown): boolean => error instanceof SourceChanged;
  await assert.rejects(readAll(open({ name: "large.safetensors" }), large.file, 90_000), changed);
  hub.forget();
  assert.deepEqual(await readAll(open({ name: "large.safetensors", isImmutable: true }), large.file, 90_000), large.file);
});

test("what is no safetensors file is said to be what it is", async () => {
  const cases: readonly (readonly [content: string | Buffer, says: RegExp])[] = [
    ["", /is empty/],
    ["1234567", /only 7 bytes/],
    ["<!doctype html><title>Sign in</title>", /web page/],
    ["version https://git-lfs.github.com/spec/v1\noid sha256:00\n", /Git LFS/],
    [Buffer.from([255, 255, 255, 255, 255, 255, 255, 127, 1, 2]), /beyond what the format allows/],
    [Buffer.from([1, 225, 245, 5, 0, 0, 0, 0, 123, 125]), /100000001 bytes is beyond/],
    [Buffer.from([200, 0, 0, 0, 0, 0, 0, 0, 123, 125]), /208 bytes, but the file has only 10/],
    [file.subarray(0, headerBytes - 1), /its header should have/],
  ];
  const commit = "d".repeat(40);
  for (const [content, says] of cases) {
    hub.repositories["o/n"]?.refs && (hub.repositories["o/n"].commits[commit] = { "model.safetensors": content });
    const refs = hub.repositories["o/n"]?.refs;
    assert.ok(refs !== undefined);
    refs["main"] = commit;
    for (const isSequential of [false, true]) {
      await assert.rejects(readHeader(open({ isSequential })), hasCode("checkpoint-corrupt", says), String(content).slice(0, 20));
    }
    refs["main"] = COMMIT;
  }
});

test("cancelling ends everything at once", async () => {
  hub.faults = () => ({ delayMs: 5_000 });
  const abort = new AbortController();
  const reading = readAll(open({ signal: abort.signal }));
  setTimeout(() => abort.abort(), 20);
  const startMs = performance.now();
  await assert.rejects(reading, hasCode("cancelled"));
  assert.ok(performance.now() - startMs < 1_000);
});
