import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Connection, type WorkerLike } from "../src/connection.js";
import { ClipTtlError, toWire, type ErrorCode } from "../src/errors.js";
import { isFromWorker, isToWorker, PROTOCOL_VERSION, type FromWorker, type ToWorker } from "../src/protocol.js";

/** A worker that does nothing by itself. */
class FakeWorker extends EventTarget {
  readonly posted: ToWorker[] = [];
  terminated = false;

  postMessage(message: ToWorker): void {
    structuredClone(message);
    this.posted.push(message);
  }

  terminate(): void {
    this.terminated = true;
  }

  say(message: FromWorker): void {
    this.dispatchEvent(Object.assign(new Event("message"), { data: message }));
  }

  crash(message: string): void {
    this.dispatchEvent(Object.assign(new Event("error"), { message, error: null }));
  }
}

function connect(): { worker: FakeWorker; connection: Connection } {
  const worker = new FakeWorker();
  return { worker, connection: new Connection(worker as unknown as WorkerLike, 10_000) };
}

function greeted(): { worker: FakeWorker; connection: Connection } {
  const both = connect();
  both.worker.say({ type: "hello", version: PROTOCOL_VERSION });
  return both;
}

const withCode = (code: ErrorCode) => (error: unknown) => error instanceof ClipTtlError && error.code === code;
const question = { image: { kind: "encoded", data: new ArrayBuffer(1), source: "x" }, labels: ["a"], template: "{}", method: "ttl", adapter: null, run: 1 } as const;
const answer = { scores: [] } as never;

test("answers find their requests, in whatever order they come", async () => {
  const { worker, connection } = greeted();
  const first = connection.request("classify", question, { what: "It" });
  const second = connection.request("classify", question, { what: "It" });
  worker.say({ type: "error", id: 2, error: toWire(new ClipTtlError("labels-none", "no labels")) });
  worker.say({ type: "result", id: 1, result: answer });
  assert.equal(await first, answer);
  await assert.rejects(second, withCode("labels-none"));
  connection.close(new ClipTtlError("disposed", ""));
});

test("events come until the answer", async () => {
  const { worker, connection } = greeted();
  const events: unknown[] = [];
  const run = connection.request("adapt", { ...question, options: {} }, { what: "The run", onEvent: (event) => events.push(event) });
  worker.say({ type: "event", id: 1, event: { type: "progress", progress: { stage: "queued" } } });
  worker.say({ type: "result", id: 1, result: answer });
  await run;
  worker.say({ type: "event", id: 1, event: { type: "progress", progress: { stage: "queued" } } });
  assert.equal(events.length, 1);
  connection.close(new ClipTtlError("disposed", ""));
});

test("an abort rejects at once, and tells the worker", async () => {
  const { worker, connection } = greeted();
  const abort = new AbortController();
  const run = connection.request("adapt", { ...question, options: {} }, { what: "The run", signal: abort.signal });
  abort.abort();
  await assert.rejects(run, withCode("cancelled"));
  assert.deepEqual(worker.posted.at(-1), { type: "cancel", id: 1 });
  await assert.rejects(connection.request("classify", question, { what: "It", signal: abort.signal }), withCode("cancelled"));
  assert.equal(worker.posted.length, 2, "what is cancelled before it begins is not sent");
  connection.close(new ClipTtlError("disposed", ""));
});

test("the end of the engine rejects everything, now and later", async () => {
  const { worker, connection } = greeted();
  const running = connection.request("classify", question, { what: "It" });
  worker.say({ type: "dead", error: toWire(new ClipTtlError("device-lost", "gone")) });
  await assert.rejects(running, withCode("device-lost"));
  await assert.rejects(connection.request("classify", question, { what: "It" }), withCode("device-lost"));
  assert.ok(worker.terminated);
});

test("a worker that can't be loaded is told from one that crashes", async () => {
  const never = connect();
  never.worker.crash("");
  await assert.rejects(never.connection.hello, withCode("worker-failed"));
  const later = greeted();
  const running = later.connection.request("classify", question, { what: "It" });
  later.worker.crash("memory access out of bounds");
  await assert.rejects(running, (error) => withCode("engine-crashed")(error) && /out of bounds/.test(String(error)));
});

test("a worker of another version is refused", async () => {
  const { worker, connection } = connect();
  worker.say({ type: "hello", version: PROTOCOL_VERSION + 1 });
  await assert.rejects(connection.hello, withCode("worker-failed"));
});

test("what can't be sent is an error of the caller's, and harms nothing", async () => {
  const { connection } = greeted();
  const options = { steps: (() => 1) as unknown as number };
  await assert.rejects(connection.request("adapt", { ...question, options }, { what: "The run" }), withCode("argument-invalid"));
  assert.equal(connection.closed, null);
  connection.close(new ClipTtlError("disposed", ""));
});

test("silence ends the engine, but not while nothing is asked, nor while it speaks", async () => {
  mock.timers.enable({ apis: ["setInterval"] });
  try {
    const { worker, connection } = greeted();
    mock.timers.tick(60_000);
    assert.equal(connection.closed, null);
    const run = connection.request("adapt", { ...question, options: {} }, { what: "The run" });
    for (let time = 0; time < 5; time += 1) {
      mock.timers.tick(9_000);
      worker.say({ type: "event", id: 1, event: { type: "progress", progress: { stage: "queued" } } });
    }
    assert.equal(connection.closed, null);
    mock.timers.tick(10_000);
    await assert.rejects(run, withCode("engine-stalled"));
    assert.ok(worker.terminated);
  } finally {
    mock.timers.reset();
  }
});

test("other people's messages are not ours", () => {
  for (const message of [null, "hello", { type: 3 }, { type: "webpackOk" }, {}]) {
    assert.ok(!isFromWorker(message) && !isToWorker(message));
  }
  for (const type of ["open", "classify", "adapt", "verify", "memory"]) assert.ok(isToWorker({ type, id: 1 }), type);
  assert.ok(isToWorker({ type: "cancel", id: 1 }) && !isFromWorker({ type: "cancel", id: 1 }));
});
