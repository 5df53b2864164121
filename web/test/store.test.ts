import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { modelStorage } from "../src/hub/model-storage.js";
import { ModelStore, STORE_FORMAT, type Manifest } from "../src/hub/store.js";
import { FakeCaches } from "./support/fake-caches.js";

let caches: FakeCaches;
let store: ModelStore;

beforeEach(async () => {
  caches = new FakeCaches();
  const opened = await ModelStore.open(caches.asStorage());
  assert.ok(typeof opened !== "string");
  store = opened;
});

const HEADER = new Uint8Array([1, 2, 3]);

function manifest(changes: Partial<Manifest> = {}): Manifest {
  return {
    ...{ format: STORE_FORMAT, source: "https://hub/o/n/model.safetensors", ref: "main", revision: "r1", dtype: "q8", name: "o/n" },
    ...{ url: "https://hub/o/n/resolve/main/model.safetensors", config: "{}", preprocessor: null, fingerprint: "f1", fileBytes: 100 },
    ...{ pieces: 2, residentBytes: 50, createdAt: 1000, lastUsedAt: 1000, isComplete: true },
    ...changes,
  };
}

test("what is written comes back, and is told apart by revision and format", async () => {
  const model = await store.begin(manifest(), HEADER);
  await model.writePiece(0, new Uint8Array([7, 8]));
  const found = await store.get(manifest());
  assert.deepEqual(found?.manifest, manifest());
  assert.deepEqual(await found?.readHeader(), HEADER);
  assert.deepEqual(await found?.readPiece(0), new Uint8Array([7, 8]));
  assert.equal(await found?.readPiece(1), null);
  for (const other of [{ revision: "r2" }, { dtype: "q4" }, { source: "https://mirror/o/n/model.safetensors" }, { ref: "dev" }] as const) {
    assert.equal(await store.get(manifest(other)), null, JSON.stringify(other));
  }
});

test("an entry whose checksum is wrong is removed, and counts as not there", async () => {
  const model = await store.begin(manifest(), HEADER);
  await model.writePiece(0, new Uint8Array([7, 8]));
  const [url = ""] = caches.named("piece/0");
  caches.damage(url);
  assert.equal(await model.readPiece(0), null);
  assert.deepEqual(caches.named("piece/0"), []);
  const [manifestUrl = ""] = caches.named("manifest");
  caches.damage(manifestUrl);
  assert.equal(await store.get(manifest()), null);
});

test("a broken-off model is gone on with where its pieces would be the same, else begun anew", async () => {
  const model = await store.begin(manifest({ isComplete: false }), HEADER);
  await model.writePiece(0, new Uint8Array([7]));
  const same = await store.begin(manifest({ isComplete: false, createdAt: 9 }), HEADER);
  assert.deepEqual([same.manifest?.createdAt, await same.readPiece(0)], [1000, new Uint8Array([7])]);
  const other = await store.begin(manifest({ fingerprint: "f2" }), HEADER);
  assert.equal(await other.readPiece(0), null);
});

test("the version used last is found, and older ones of a branch are removed", async () => {
  await store.begin(manifest({ revision: "old", lastUsedAt: 1 }), HEADER);
  await store.begin(manifest({ revision: "new", lastUsedAt: 2 }), HEADER);
  await store.begin(manifest({ revision: "half", lastUsedAt: 3, isComplete: false }), HEADER);
  await store.begin(manifest({ revision: "pinned", ref: "pinned", lastUsedAt: 4 }), HEADER);
  assert.equal((await store.newest(manifest(), "q8"))?.manifest?.revision, "new");
  assert.equal(await store.newest(manifest(), "f16"), null);
  await store.removeSuperseded(manifest({ revision: "new" }));
  assert.deepEqual((await store.all()).map((model) => model.manifest?.revision).sort(), ["new", "pinned"]);
});

test("where storage is refused, that is said instead of thrown", async () => {
  const refusing = { open: () => Promise.reject(new DOMException("Access is denied.", "SecurityError")) } as unknown as CacheStorage;
  assert.equal(await ModelStore.open(refusing), "Access is denied.");
  assert.equal(typeof (await ModelStore.open(undefined)), "string");
});

test("pages can list, measure and remove models", async () => {
  const model = await store.begin(manifest({ lastUsedAt: 5 }), HEADER);
  await model.writePiece(0, new Uint8Array(40));
  await store.begin(manifest({ revision: "r2", lastUsedAt: 9, isComplete: false, name: "p/q" }), HEADER);
  Object.defineProperty(globalThis, "caches", { value: caches.asStorage(), configurable: true });
  Object.defineProperty(globalThis, "navigator", { value: { storage: { estimate: async () => ({ usage: 5000, quota: 9000 }) } }, configurable: true });
  try {
    const list = await modelStorage.list();
    assert.deepEqual(list.map(({ name, complete }) => [name, complete]), [["p/q", false], ["o/n", true]]);
    const [, second] = list;
    assert.ok(second !== undefined && second.bytes > 43 && second.bytes < 700);
    assert.deepEqual([second.revision, second.dtype, +second.createdAt, +second.lastUsedAt], ["r1", "q8", 1000, 5]);
    assert.deepEqual(await modelStorage.estimate(), { modelBytes: list.reduce((sum, { bytes }) => sum + bytes, 0), usedBytes: 5000, quotaBytes: 9000 });
    assert.equal(await modelStorage.persist(), false);
    await modelStorage.delete(second.key);
    assert.deepEqual((await modelStorage.list()).map(({ name }) => name), ["p/q"]);
    await modelStorage.clear();
    assert.deepEqual(await modelStorage.list(), []);
  } finally {
    Reflect.deleteProperty(globalThis, "caches");
    Reflect.deleteProperty(globalThis, "navigator");
  }
  assert.deepEqual(await modelStorage.list(), [], "without storage there is nothing");
});
