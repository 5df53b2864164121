/** A hub that misbehaves: each case ends with the model by another way, or with an error that says what to do; never with half a model. */

import { openBare } from "./bare.js";
import { allowHub, COMMIT, failure, filesOf, LARGE, loaded, loadFrom, startHub } from "./hub-page.js";
import type { Fault, HubServer } from "./hub-server.js";
import { expect, test } from "./test.js";
import { safetensors } from "./tiny-clip.js";

/** What comes along with the header. */
const FIRST_PART_BYTES = 128 * 1024;

let hub: HubServer;

test.beforeAll(async () => {
  hub = await startHub();
});
test.afterAll(() => hub.stop());
test.beforeEach(async ({ page, watch }) => {
  hub.forget();
  hub.faults = () => undefined;
  allowHub(watch, hub, true);
  await openBare(page);
});

const CALL = { model: "owner/large", dtype: "q8", cache: false } as const;
const call = (): typeof CALL & { hub: string } => ({ ...CALL, hub: hub.url });

/** Faults of the answers that have weights. */
function faulty(fault: Fault | undefined | ((range: string | null, count: number) => Fault | undefined)): void {
  hub.faults = ({ path, range }, count) => (path.endsWith(".safetensors") ? (typeof fault === "function" ? fault(range, count) : fault) : undefined);
}

test.describe("by another way", () => {
  const ways: readonly { readonly name: string; readonly fault: Parameters<typeof faulty>[0]; readonly retries: boolean }[] = [
    // Of these the package may not even hear: browsers ask again by themselves where a connection had been used before.
    { name: "connections that are cut before the answer", fault: (_, count) => (count % 3 === 1 ? { cutAfterBytes: "before" } : undefined), retries: false },
    { name: "connections that are cut in the middle", fault: (_, count) => (count % 3 === 1 ? { cutAfterBytes: 100_000 } : undefined), retries: true },
    { name: "a server that is busy at first", fault: (_, count) => (count < 2 ? { status: 503 } : undefined), retries: true },
    { name: "a server that was asked too often", fault: (_, count) => (count === 0 ? { status: 429, headers: { "retry-after": "1" } } : undefined), retries: true },
    { name: "a server that doesn't know parts", fault: { ignoresRange: true }, retries: false },
    { name: "a server that compresses", fault: { compresses: true }, retries: false },
    { name: "a server that compresses, and doesn't know parts", fault: { compresses: true, ignoresRange: true }, retries: false },
    { name: "a server that sends other parts", fault: (_, count) => (count > 0 ? { rangeShift: 8 } : undefined), retries: false },
    { name: "a server that lets only the whole file be read", fault: { withoutCorsForParts: true }, retries: true },
    { name: "a server that shows no headers", fault: { withoutExposedHeaders: true }, retries: false },
    { name: "a server that ends a body early without a word", fault: (_, count) => (count === 1 ? { missingBytes: 1000, withoutExposedHeaders: true } : undefined), retries: false },
  ];
  for (const { name, fault, retries } of ways) {
    test(name, async ({ page }) => {
      const right = await loaded(page, call());
      hub.forget();
      faulty(fault);
      const { scores, hasRetried, last } = await loaded(page, call());
      expect(scores).toEqual(right.scores);
      if (retries) expect(hasRetried, "a pause is told").toBe(true);
      expect(last.loadedBytes).toBe(last.totalBytes);
    });
  }

  test("a connection that is cut within a piece goes on where it was", async ({ page }) => {
    faulty((_, count) => (count === 2 ? { cutAfterBytes: 1_000_000 } : undefined));
    await loaded(page, call());
    // What a browser has not handed on before the cut may have to come again.
    expect(hub.sentBytes("model.safetensors")).toBeLessThan(LARGE.weights.length + 1_000_001);
  });

  test("a server that doesn't know parts sends the file once", async ({ page }) => {
    faulty({ ignoresRange: true });
    await loaded(page, call());
    expect(hub.requests.filter(({ path }) => path.endsWith(".safetensors"))).toHaveLength(2);
  });

  test("a file that changes while it is read is read anew", async ({ page }) => {
    hub.tellsCommit = false;
    try {
      faulty((_, count) => ({ etag: count < 3 ? '"1"' : '"2"' }));
      await loaded(page, call());
      faulty((_, count) => ({ etag: `"${count}"` }));
      hub.forget();
      expect((await failure(page, call())).code).toBe("checkpoint-changed");
    } finally {
      hub.tellsCommit = true;
    }
  });
});

test.describe("an error with advice", () => {
  const all = (fault: Fault) => (): Fault => fault;
  const refusals: readonly { readonly name: string; readonly faults: () => Fault; readonly code: string; readonly says: RegExp }[] = [
    { name: "401", faults: all({ status: 401 }), code: "model-unauthorized", says: /owner\/large.*not public.*open it from your device/s },
    { name: "403", faults: all({ status: 403, headers: { "x-error-code": "GatedRepo" } }), code: "model-unauthorized", says: /terms have to be accepted/ },
    { name: "404", faults: all({ status: 404 }), code: "model-not-found", says: /owner\/large.*Check the name/s },
    { name: "CORS", faults: all({ withoutCors: true }), code: "cors", says: /may not be read.*open it from your device/s },
    { name: "nothing but cut connections", faults: all({ cutAfterBytes: "before" }), code: "network", says: /does not answer.*connection/s },
  ];
  for (const { name, faults, code, says } of refusals) {
    test(name, async ({ page }) => {
      hub.faults = faults;
      const failed = await failure(page, call());
      expect(failed).toMatchObject({ code, message: expect.stringMatching(says) });
      hub.faults = () => undefined;
      await loaded(page, call());
    });
  }

  test("an unknown name, an unknown revision, a repository without weights", async ({ page }) => {
    hub.repositories["owner/bare"] = { commits: { [COMMIT]: { "config.json": "{}", "pytorch_model.bin": "x" } }, refs: { main: COMMIT } };
    expect(await failure(page, { ...call(), model: "owner/nothing" })).toMatchObject({ code: "model-not-found" });
    expect(await failure(page, { ...call(), model: "owner/large@v9" })).toMatchObject({ code: "model-not-found", message: expect.stringContaining("v9") });
    expect(await failure(page, { ...call(), model: "owner/bare" })).toMatchObject({ code: "model-incomplete", message: expect.stringContaining("clip-ttl convert") });
  });

  test("a hub that isn't there", async ({ page, watch }) => {
    watch.allowRequest(/^http:\/\/127\.0\.0\.1:9\//);
    expect(await failure(page, { ...call(), hub: "http://127.0.0.1:9" })).toMatchObject({ code: "network", message: expect.stringMatching(/config\.json/) });
  });
});

/** The tensors' header and data of the large model, to be changed. */
function parts(): { header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>; data: Buffer } {
  const { weights } = LARGE;
  const end = 8 + Number(weights.readBigUInt64LE(0));
  return { header: JSON.parse(weights.toString("utf8", 8, end)) as ReturnType<typeof parts>["header"], data: weights.subarray(end) };
}

test("weights that don't fit the configuration are refused before they are fetched", async ({ page }) => {
  const { header, data } = parts();
  const name = "text_model.embeddings.token_embedding.weight";
  const tensor = header[name];
  if (tensor === undefined) throw new Error("there is no such tensor");
  const lastName = Object.keys(header).at(-1) ?? "";
  const last = header[lastName];
  if (last === undefined) throw new Error("there is no last tensor");
  const tooLong = Buffer.alloc(8);
  tooLong.writeBigUInt64LE(100_000_001n);
  const bad: readonly { readonly name: string; readonly weights: Buffer; readonly code: string; readonly says: RegExp }[] = [
    { name: "shape", weights: safetensors({ ...header, [name]: { ...tensor, shape: [128, 49_408] } }, data), code: "tensor-shape", says: /token_embedding/ },
    { name: "format", weights: safetensors({ ...header, [name]: { ...tensor, dtype: "I32" } }, data), code: "tensor-dtype", says: /token_embedding.*I32/ },
    { name: "missing", weights: safetensors({ ...header, [lastName]: undefined }, data.subarray(0, last.data_offsets[0])), code: "tensor-missing", says: new RegExp(lastName) },
    {
      name: "beyond the end",
      weights: safetensors({ ...header, [lastName]: { ...last, data_offsets: [last.data_offsets[0], 2 ** 52] } }, data),
      code: "checkpoint-corrupt",
      says: /header/,
    },
    { name: "half of the file", weights: LARGE.weights.subarray(0, LARGE.weights.length / 2), code: "checkpoint-corrupt", says: /Download the weights again/ },
    { name: "a header of 100 MB", weights: Buffer.concat([tooLong, data]), code: "checkpoint-corrupt", says: /beyond what the format allows/ },
    { name: "a page", weights: Buffer.from("<!doctype html><title>Sign in</title>"), code: "checkpoint-corrupt", says: /web page/ },
    { name: "nothing", weights: Buffer.alloc(0), code: "checkpoint-corrupt", says: /empty/ },
  ];
  for (const { name: what, weights, code, says } of bad) {
    await test.step(what, async () => {
      hub.repositories["owner/bad"] = { commits: { [COMMIT]: filesOf({ ...LARGE, weights }) }, refs: { main: COMMIT } };
      hub.forget();
      // Whether tensors or the file's size are looked at first, is the engine's choice.
      const failed = await loadFrom(page, { ...call(), model: "owner/bad" });
      expect(failed).toMatchObject({ message: expect.stringMatching(says) });
      expect([code, "checkpoint-corrupt"]).toContain(failed.code);
      expect(hub.sentBytes("model.safetensors"), "bytes sent").toBeLessThanOrEqual(FIRST_PART_BYTES);
    });
  }
});

test("values that are no numbers are noticed when they come", async ({ page }) => {
  const { header, data } = parts();
  const changed = Buffer.from(data);
  changed.writeFloatLE(NaN, header["visual_projection.weight"]?.data_offsets[0] ?? 0);
  hub.repositories["owner/bad"] = { commits: { [COMMIT]: filesOf({ ...LARGE, weights: safetensors(header, changed) }) }, refs: { main: COMMIT } };
  expect(await failure(page, { ...call(), model: "owner/bad" })).toMatchObject({ code: "tensor-not-finite", message: expect.stringContaining("visual_projection") });
  await loaded(page, call());
});
