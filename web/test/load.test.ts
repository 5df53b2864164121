import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { HubServer, type Files, type HubRepository } from "../../tests/browser/hub-server.js";
import { ClipTtlError, toWire } from "../src/errors.js";
import type { Locks } from "../src/hub/locks.js";
import { CONFIG, checkpoint } from "./support/checkpoints.js";
import { FakeCaches } from "./support/fake-caches.js";
import { FakeLoader } from "./support/fake-loader.js";
import { load, type Outcome } from "./support/loading.js";

const FIRST = "1".repeat(40);
const SECOND = "2".repeat(40);
const CONVERTED = "3".repeat(40);
const one = checkpoint();
const two = checkpoint(undefined, 99);
const small = checkpoint({ a: 12, unused: 3, b: 5 });
/** More than is read along with its header, in many pieces. */
const long = checkpoint({ a: 40_000, b: 40_000 });

const complete = (weights: Buffer): Files => ({ "config.json": CONFIG, "preprocessor_config.json": "{}", "model.safetensors": weights });

let hub: HubServer;
let caches: FakeCaches;

before(async () => {
  hub = await HubServer.start({});
});

beforeEach(() => {
  caches = new FakeCaches();
  const repositories: Record<string, HubRepository> = {
    "o/n": { commits: { [FIRST]: complete(one.file), [SECOND]: complete(two.file) }, refs: { main: FIRST } },
    "o/small": { commits: { [FIRST]: complete(small.file) }, refs: { main: FIRST } },
    "o/long": { commits: { [FIRST]: complete(long.file) }, refs: { main: FIRST } },
    "o/old": {
      commits: { [FIRST]: { "config.json": CONFIG, "pytorch_model.bin": "x" }, [SECOND]: { "README.md": "typo" }, [CONVERTED]: complete(one.file) },
      refs: { main: FIRST, "refs/pr/2": CONVERTED, "refs/pr/7": SECOND },
    },
    "o/bare": { commits: { [FIRST]: { "config.json": CONFIG, "pytorch_model.bin": "x" } }, refs: { main: FIRST } },
  };
  Object.assign(hub.repositories, repositories);
});

afterEach(() => {
  hub.forget();
  hub.faults = () => undefined;
  hub.tellsCommit = true;
});

after(() => hub.stop());

const at = (model: string, kept: FakeCaches | null = caches): Promise<Outcome> => load(model, { hub: hub.url, caches: kept });

async function codeOf(loading: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error: unknown = await loading.then(
    () => new Error("it was loaded"),
    (reason: unknown) => reason,
  );
  return { code: toWire(error).code, message: error instanceof Error ? error.message : "" };
}

test("a repository is loaded whole, and its size is known before the weights are asked for", async () => {
  const { loader, progress, last } = await at("o/n");
  assert.deepEqual(loader.assembled(), one.needed);
  assert.equal(loader.config, CONFIG);
  assert.deepEqual(last.files.map(({ name }) => name).sort(), ["config.json", "model.safetensors", "preprocessor_config.json"]);
  assert.equal(last.loadedBytes, last.totalBytes);
  const planned = progress.findIndex(({ weights }) => weights !== null);
  assert.ok((progress[planned]?.totalBytes ?? 0) > one.needed.length);
  assert.equal(progress[planned]?.weights?.piecesDone, 0);
  const { revision, sourceBytes, fromCacheBytes, pieces, piecesDone } = last.weights ?? {};
  assert.deepEqual([revision, sourceBytes, fromCacheBytes, pieces, piecesDone], [FIRST, one.needed.length, 0, loader.pieces.length / 2, loader.pieces.length / 2]);
  const loaded = progress.map(({ loadedBytes }) => loadedBytes);
  assert.deepEqual(loaded, [...loaded].sort((a, b) => a - b));
  assert.ok(hub.requests.every(({ path, range }) => !path.endsWith(".safetensors") || (path.includes(FIRST) && range !== null)), "only the commit, only parts");
});

test("the second time a pinned model needs no server at all, and a branch's only a word about its commit", async () => {
  await at("o/n");
  await at(`o/n@${FIRST}`);
  const written = caches.writes;
  hub.forget();
  const { loader, last } = await at("o/n");
  assert.deepEqual(loader.assembled(), one.needed);
  assert.deepEqual([loader.pushed, last.weights?.fromCacheBytes], [[], one.needed.length]);
  assert.deepEqual(hub.requests.map(({ path }) => path), ["/o/n/resolve/main/config.json"]);
  assert.ok(caches.writes <= written + 1, "nothing but the date of use is written");
  await hub.stop();
  try {
    hub.forget();
    const pinned = await at(`o/n@${FIRST}`);
    assert.deepEqual(pinned.loader.assembled(), one.needed);
    assert.deepEqual(pinned.last.warnings, []);
    const branch = await at("o/n");
    assert.deepEqual(branch.loader.assembled(), one.needed);
    assert.deepEqual(branch.last.warnings.map(({ code }) => code), ["model-not-checked"]);
    assert.equal((await codeOf(at("o/other"))).code, "network");
  } finally {
    await hub.resume();
  }
});

test("a branch that has moved is loaded anew, and its old version is removed", async () => {
  await at("o/n");
  const repository = hub.repositories["o/n"];
  assert.ok(repository !== undefined);
  repository.refs["main"] = SECOND;
  const { loader } = await at("o/n");
  assert.deepEqual(loader.assembled(), two.needed);
  assert.equal(caches.named("manifest").length, 1);
});

test("without a word about the commit, versions are told apart by ETag", async () => {
  hub.tellsCommit = false;
  assert.match((await at("o/n")).last.weights?.revision ?? "", /^etag:/);
  assert.deepEqual((await at("o/n")).loader.pushed, []);
  const repository = hub.repositories["o/n"];
  assert.ok(repository !== undefined);
  repository.refs["main"] = SECOND;
  assert.deepEqual((await at("o/n")).loader.assembled(), two.needed);
  hub.faults = () => ({ etag: null });
  const untold = await at("o/n");
  assert.deepEqual(untold.last.warnings.map(({ code }) => code), ["model-not-kept"]);
  assert.deepEqual(untold.loader.assembled(), two.needed);
});

test("a piece whose checksum is wrong is fetched anew, alone", async () => {
  await at("o/n");
  const [piece = ""] = caches.named("piece/1");
  caches.damage(piece);
  hub.forget();
  const { loader } = await at(`o/n`);
  assert.deepEqual(loader.assembled(), one.needed);
  assert.deepEqual(loader.pushed, [1]);
  assert.deepEqual((await at("o/n")).loader.pushed, [], "and is whole the next time");
});

test("a load that broke off goes on with what has come", async () => {
  const abort = new AbortController();
  let pieces = 0;
  hub.faults = ({ range }) => {
    if (range !== null) pieces += 1;
    if (pieces === 40) abort.abort();
    return undefined;
  };
  assert.equal((await codeOf(load("o/long", { hub: hub.url, caches, signal: abort.signal }))).code, "cancelled");
  hub.faults = () => undefined;
  const { loader, last } = await at("o/long");
  assert.deepEqual(loader.assembled(), long.needed);
  assert.ok(loader.restored.length > 10, `${loader.restored.length} pieces were there`);
  assert.ok((last.weights?.fromCacheBytes ?? 0) > 0);
});

test("a newer version that can't be fetched to its end is gone on with later, and the old one taken meanwhile", async () => {
  const repository: HubRepository = { commits: { [FIRST]: complete(one.file), [SECOND]: complete(long.file) }, refs: { main: FIRST } };
  hub.repositories["o/grown"] = repository;
  await at("o/grown");
  repository.refs["main"] = SECOND;
  let parts = 0;
  const isOfNewer = (path: string): boolean => path.includes(SECOND) && path.endsWith(".safetensors");
  hub.faults = ({ path }) => (isOfNewer(path) && (parts += 1) > 40 ? { status: 503 } : undefined);
  const old = await at("o/grown");
  assert.deepEqual(old.loader.assembled(), one.needed);
  assert.deepEqual(old.last.warnings.map(({ code }) => code), ["model-not-checked"]);
  assert.match(old.last.warnings[0]?.message ?? "", /newer version could not be fetched/);
  hub.faults = () => undefined;
  const { loader } = await at("o/grown");
  assert.deepEqual(loader.assembled(), long.needed);
  assert.ok(loader.restored.length > 10, `${loader.restored.length} pieces were there`);
  assert.equal(caches.named("manifest").length, 1, "now the old one is not needed any more");
});

test("a model that is deleted while it is loaded is not kept in parts", async () => {
  let parts = 0;
  hub.faults = ({ path }) => {
    if (path.endsWith(".safetensors") && (parts += 1) === 40) caches.entries.clear();
    return undefined;
  };
  assert.deepEqual((await at("o/long")).loader.assembled(), long.needed);
  assert.equal(caches.entries.size, 0);
});

test("without the hub's list of pull requests a model isn't said to have none", async () => {
  hub.faults = ({ path }) => (path.startsWith("/api/") ? { status: 503 } : undefined);
  assert.equal((await codeOf(at("o/old"))).code, "model-unavailable");
  hub.faults = ({ path }) => (path.includes("/discussions") ? { status: 503 } : undefined);
  assert.deepEqual((await at("o/old")).loader.assembled(), one.needed, "whose offer it is only orders them");
});

test("an address is the same file whatever its signature is, which isn't kept", async () => {
  const url = `${hub.url}/o/n/resolve/${FIRST}/model.safetensors`;
  await load(`${url}?X-Amz-Signature=secret-one&X-Amz-Expires=60`, { caches });
  const { loader } = await load(`${url}?X-Amz-Signature=secret-two&X-Amz-Expires=60`, { caches });
  assert.deepEqual(loader.pushed, []);
  assert.equal(caches.named("manifest").length, 1);
  for (const [address, { bytes }] of caches.entries) assert.ok(!new TextDecoder().decode(bytes).includes("secret"), address);
});

test("a configuration that was given goes with its weights, and no other one is taken for it", async () => {
  const weights = `${hub.url}/o/n/resolve/${FIRST}/model.safetensors`;
  await load({ name: "x", config: new Blob([CONFIG]), weights }, { caches });
  assert.deepEqual((await load({ name: "x", config: new Blob([CONFIG]), weights }, { caches })).loader.pushed, []);
  await hub.stop();
  try {
    const same = await load({ name: "x", config: new Blob([CONFIG]), weights }, { caches });
    assert.deepEqual(same.loader.assembled(), one.needed, "the server is away, and the browser has it");
    const other = new Blob([CONFIG.replace("{", "{ ")]);
    assert.equal((await codeOf(load({ name: "x", config: other, weights }, { caches }))).code, "network");
  } finally {
    await hub.resume();
  }
});

test("without space, loading goes on, leaves no half behind, and says so", async () => {
  caches.quotaBytes = 700;
  const { loader, last } = await at("o/n");
  assert.deepEqual(loader.assembled(), one.needed);
  assert.deepEqual(last.warnings.map(({ code }) => code), ["storage-full"]);
  assert.equal(caches.entries.size, 0);
});

test("where storage is refused, or isn't wanted, loading goes on without", async () => {
  const refused = await load("o/n", { hub: hub.url, caches, tools: { openStore: async () => "access is denied" } });
  assert.deepEqual(refused.loader.assembled(), one.needed);
  assert.deepEqual(refused.last.warnings.map(({ code }) => code), ["storage-unavailable"]);
  const unwanted = await at("o/n", null);
  assert.deepEqual([unwanted.last.warnings, caches.entries.size], [[], 0]);
});

test("a storage that fails in the middle is done without", async () => {
  const storage = caches.asStorage();
  const cache = await storage.open("");
  let reads = 0;
  cache.match = () => ((reads += 1) > 2 ? Promise.reject(new Error("disk")) : Promise.resolve(undefined));
  cache.keys = () => Promise.reject(new Error("disk"));
  assert.deepEqual((await at("o/n")).loader.assembled(), one.needed);
});

test("weights that only a pull request has are taken from there, with a warning", async () => {
  const { loader, last } = await at("o/old");
  assert.deepEqual(loader.assembled(), one.needed);
  assert.equal(last.weights?.revision, CONVERTED);
  assert.match(last.warnings[0]?.message ?? "", /refs\/pr\/2/);
  hub.forget();
  assert.deepEqual((await at("o/old")).loader.pushed, []);
  const bare = await codeOf(at("o/bare"));
  assert.equal(bare.code, "model-incomplete");
  assert.match(bare.message, /o\/bare has no model\.safetensors.*clip-ttl convert/s);
  assert.equal((await codeOf(at(`o/old@${FIRST}`))).code, "model-incomplete", "who names a commit gets no other");
});

test("what the hub refuses is said in its terms", async () => {
  assert.deepEqual((await codeOf(at("o/nothing"))).code, "model-not-found");
  const revision = await codeOf(at("o/n@v9"));
  assert.equal(revision.code, "model-not-found");
  assert.match(revision.message, /no revision "v9"/);
  hub.faults = () => ({ status: 401 });
  assert.equal((await codeOf(at("o/n"))).code, "model-unauthorized");
  hub.faults = () => ({ status: 403, headers: { "x-error-code": "GatedRepo" } });
  const gated = await codeOf(at("o/n"));
  assert.match(gated.message, /its terms have to be accepted/);
  hub.faults = () => ({ status: 429, headers: { "retry-after": "0" } });
  assert.equal((await codeOf(at("o/n"))).code, "model-unavailable");
});

test("a model that doesn't fit is refused before any weights are fetched", async () => {
  hub.repositories["o/wrong"] = { commits: { [FIRST]: complete(checkpoint({ a: 13, b: 90_000 }).file) }, refs: { main: FIRST } };
  const { code } = await codeOf(at("o/wrong"));
  assert.equal(code, "tensor-shape");
  assert.ok(hub.sentBytes("model.safetensors") <= 128 * 1024);
  assert.equal(caches.entries.size, 0);
});

test("a header that promises more than the file has is refused", async () => {
  const short = one.file.subarray(0, one.file.length - 30);
  hub.repositories["o/short"] = { commits: { [FIRST]: complete(short) }, refs: { main: FIRST } };
  const { code, message } = await codeOf(at("o/short"));
  assert.equal(code, "checkpoint-corrupt");
  assert.match(message, /describes/);
  hub.faults = () => ({ headers: {}, withoutExposedHeaders: true });
  assert.equal((await codeOf(at("o/short"))).code, "checkpoint-corrupt");
});

test("a file that changes once while it is read is read anew; one that goes on changing is an error", async () => {
  hub.tellsCommit = false;
  let parts = 0;
  hub.faults = ({ path }) => (path.endsWith(".safetensors") ? { etag: `"${(parts += 1) > 5 ? 2 : 1}"` } : undefined);
  const { loader } = await at("o/long");
  assert.deepEqual(loader.assembled(), long.needed);
  assert.equal(loader.restored.length, 0, "nothing of the old version is used");
  hub.faults = ({ path }) => (path.endsWith(".safetensors") ? { etag: `"${(parts += 1)}"` } : undefined);
  assert.equal((await codeOf(at("o/long"))).code, "checkpoint-changed");
});

test("two loads at once share the work where there are locks, and are both whole without", async () => {
  for (const locks of [sharedLocks(), null]) {
    caches.entries.clear();
    hub.forget();
    const both = await Promise.all([1, 2].map(() => load("o/long", { hub: hub.url, caches, tools: { locks } })));
    for (const { loader } of both) assert.deepEqual(loader.assembled(), long.needed);
    const pushed = both.map(({ loader }) => loader.pushed.length);
    const count = (both[0]?.loader.pieces.length ?? 0) / 2;
    if (locks !== null) {
      assert.equal((pushed[0] ?? 0) + (pushed[1] ?? 0), count, "each piece is fetched once");
      assert.ok(Math.min(...pushed) > count / 10, `${pushed}: both fetch`);
    }
    assert.deepEqual((await at("o/long")).loader.pushed, []);
  }
});

test("the connection is cut after every byte of every file, and the model is whole", async () => {
  for (const file of ["config.json", "preprocessor_config.json", "model.safetensors"]) {
    const length = Buffer.from(hub.repositories["o/small"]?.commits[FIRST]?.[file] ?? "").length;
    for (let cut = 0; cut < length; cut += 1) {
      hub.forget();
      hub.faults = ({ path }, count) => (path.endsWith(`/${file}`) && count === 0 ? { cutAfterBytes: cut === 0 ? "before" : cut } : undefined);
      assert.deepEqual((await at("o/small", null)).loader.assembled(), small.needed, `${file} cut after ${cut} bytes`);
    }
  }
});

test("addresses, files, folders and buffers go the same way, and local ones are not kept", async () => {
  const url = `${hub.url}/o/n/resolve/${FIRST}/model.safetensors`;
  assert.deepEqual((await load(url, { caches })).loader.assembled(), one.needed);
  assert.equal(caches.named("manifest").length, 1);
  assert.deepEqual((await load(url, { caches })).loader.pushed, [], "an address is kept by its ETag");
  caches.entries.clear();
  const config = new File([CONFIG], "config.json");
  const weights = new File([new Uint8Array(one.file)], "model.safetensors");
  const bytes = new Uint8Array(one.file);
  for (const model of [[config, weights], { name: "x", config: new Blob([CONFIG]), weights: bytes }, { name: "x", config, weights: new Blob([bytes]) }]) {
    const { loader, last } = await load(model, { caches });
    assert.deepEqual(loader.assembled(), one.needed);
    assert.equal(last.loadedBytes, last.totalBytes);
  }
  assert.equal(caches.entries.size, 0);
  assert.equal((await codeOf(load(weights))).code, "config-invalid", "a single file must have its configuration in itself");
});

test("a loader is freed when loading fails, and nobody works with it after that", async () => {
  const made: FakeLoader[] = [];
  const plan = (...given: Parameters<typeof FakeLoader.plan>): ReturnType<typeof FakeLoader.plan> => {
    const loader = FakeLoader.plan(...given);
    made.push(loader as unknown as FakeLoader);
    return loader;
  };
  hub.faults = ({ range }, count) => (range !== null && count > 3 ? { status: 404 } : undefined);
  const { code } = await codeOf(load("o/long", { hub: hub.url, caches, tools: { loader: Promise.resolve({ plan }) } }));
  assert.equal(code, "http-status");
  assert.deepEqual(made.map(({ isFree }) => isFree), [true]);
  await new Promise((resolve) => setTimeout(resolve, 20));
});

test("an engine that can't be had is the error, whatever else goes on", async () => {
  const loader = Promise.reject(new ClipTtlError("wasm-failed", "no"));
  loader.catch(() => undefined);
  assert.equal((await codeOf(load("o/n", { hub: hub.url, tools: { loader } }))).code, "wasm-failed");
});

/** The browser's locks, between loads of this process. */
function sharedLocks(): Locks {
  const held = new Map<string, Promise<unknown>>();
  const request = async (name: string, options: LockOptions, work: (lock: Lock | null) => Promise<unknown>): Promise<unknown> => {
    if (options.ifAvailable === true && held.has(name)) return work(null);
    while (held.has(name)) await held.get(name);
    const working = work({ name, mode: "exclusive" });
    held.set(name, working.catch(() => undefined));
    return working.finally(() => held.delete(name));
  };
  return { request } as unknown as Locks;
}
