/** The browser's storage of models: filled, used, damaged, full, refused, shared by tabs. */

import { beforeWorker, openBare } from "./bare.js";
import { allowHub, allowLocalNetwork, COMMIT, damageStored, failure, LARGE, loaded, startHub, storedModels } from "./hub-page.js";
import type { HubServer } from "./hub-server.js";
import { expect, test } from "./test.js";

let hub: HubServer;

test.beforeAll(async () => {
  hub = await startHub();
});
test.afterAll(() => hub.stop());
test.beforeEach(async ({ page, watch, context }) => {
  hub.forget();
  hub.faults = () => undefined;
  allowHub(watch, hub, true);
  await allowLocalNetwork(context);
  await openBare(page);
});

const PINNED = { model: `owner/large@${COMMIT}`, dtype: "q8" } as const;
const pinned = (): typeof PINNED & { hub: string } => ({ ...PINNED, hub: hub.url });

test("the second time comes from the storage, with the server off, also after a reload", async ({ page }) => {
  const first = await loaded(page, pinned());
  expect(await storedModels(page)).toMatchObject([{ name: "owner/large", revision: COMMIT, dtype: "q8", complete: true }]);
  const [stored] = await storedModels(page);
  expect(stored?.bytes).toBeGreaterThan(first.model.residentBytes * 0.9);
  expect(stored?.bytes).toBeLessThan(first.model.residentBytes * 1.1 + 100_000);
  expect(await page.evaluate(() => window.clipTtl.modelStorage.estimate())).toMatchObject({ modelBytes: stored?.bytes, quotaBytes: expect.any(Number) });
  hub.forget();
  await hub.stop();
  try {
    await openBare(page);
    const second = await loaded(page, pinned());
    expect(second.scores).toEqual(first.scores);
    expect(second.warnings).toEqual([]);
    expect(second.last.weights?.fromCacheBytes).toBe(second.last.weights?.sourceBytes);
  } finally {
    await hub.resume();
  }
  expect(hub.requests).toEqual([]);
});

test("a branch is asked for its commit, and taken from the storage where nobody answers", async ({ page }) => {
  const call = { ...pinned(), model: "owner/large" };
  const first = await loaded(page, call);
  hub.forget();
  expect((await loaded(page, call)).scores).toEqual(first.scores);
  expect(hub.requests.map(({ path }) => path)).toEqual(["/owner/large/resolve/main/config.json"]);
  await hub.stop();
  try {
    const offline = await loaded(page, call);
    expect(offline.scores).toEqual(first.scores);
    expect(offline.warnings).toMatchObject([{ code: "model-not-checked" }]);
  } finally {
    await hub.resume();
  }
});

test("what is damaged is fetched anew, and nothing else", async ({ page }) => {
  const first = await loaded(page, pinned());
  expect(await damageStored(page, "/piece/1")).toBe(1);
  hub.forget();
  const second = await loaded(page, pinned());
  expect(second.scores).toEqual(first.scores);
  expect(hub.requests.filter(({ path, range }) => path.endsWith(".safetensors") && range !== null)).toHaveLength(2);
  hub.forget();
  await loaded(page, pinned());
  expect(hub.requests, "it is whole again").toEqual([]);
  for (const end of ["/manifest", "/header"]) {
    expect(await damageStored(page, end)).toBe(1);
    expect((await loaded(page, pinned())).scores).toEqual(first.scores);
  }
});

test("a load that was broken off goes on with what has come", async ({ page }) => {
  hub.faults = ({ path }) => (path.endsWith(".safetensors") ? { delayMs: 300 } : undefined);
  expect((await failure(page, { ...pinned(), cancelAfterPieces: 2 })).code).toBe("cancelled");
  expect(await storedModels(page)).toMatchObject([{ complete: false }]);
  hub.faults = () => undefined;
  hub.forget();
  await openBare(page);
  const { last } = await loaded(page, pinned());
  expect(last.weights?.fromCacheBytes).toBeGreaterThan(0);
  expect(hub.sentBytes("model.safetensors")).toBeLessThan(LARGE.weights.length);
  expect(await storedModels(page)).toMatchObject([{ complete: true }]);
});

test("a model can be removed, and so can all", async ({ page }) => {
  await loaded(page, pinned());
  await loaded(page, { ...pinned(), dtype: "q4" });
  const [one, other] = await storedModels(page);
  expect([one?.dtype, other?.dtype], "the one used last first").toEqual(["q4", "q8"]);
  await page.evaluate((key) => window.clipTtl.modelStorage.delete(key), one?.key ?? "");
  expect((await storedModels(page)).map(({ dtype }) => dtype)).toEqual(["q8"]);
  await page.evaluate(() => window.clipTtl.modelStorage.clear());
  expect(await storedModels(page)).toEqual([]);
  hub.forget();
  await loaded(page, pinned());
  expect(hub.sentBytes("model.safetensors")).toBe(LARGE.weights.length);
});

test("without space, loading goes on, leaves no half behind, and says so", async ({ page, context }) => {
  const session = await context.newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(page.url()).origin, quotaSize: 3_000_000 });
  const { warnings, scores } = await loaded(page, pinned());
  expect(scores).toHaveLength(3);
  expect(warnings).toMatchObject([{ code: "storage-full" }]);
  expect(await storedModels(page)).toEqual([]);
});

test("where the browser refuses storage, loading goes on, and says so", async ({ page }) => {
  await beforeWorker(page, `Object.defineProperty(globalThis, "caches", { get() { throw new DOMException("denied", "SecurityError"); } });`);
  const { warnings } = await loaded(page, pinned());
  expect(warnings).toMatchObject([{ code: "storage-unavailable" }]);
  expect(await storedModels(page)).toEqual([]);
  hub.forget();
  await loaded(page, pinned());
  expect(hub.sentBytes("model.safetensors")).toBe(LARGE.weights.length);
});

test("in an embedded page that has no origin of its own, everything works but the storage", async ({ page }) => {
  // Such a page may read only what everybody may.
  await page.route("**/clip-ttl/**", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), "access-control-allow-origin": "*" } });
  });
  await page.evaluate(() => {
    const frame = Object.assign(document.createElement("iframe"), { name: "embedded", src: "./bare.html", allow: "local-network-access *; loopback-network *" });
    frame.setAttribute("sandbox", "allow-scripts");
    document.body.append(frame);
  });
  await expect.poll(() => page.frame("embedded")?.url()).toMatch(/bare\.html$/);
  const frame = page.frame("embedded");
  if (frame === null) throw new Error("there is no frame");
  await frame.waitForFunction(() => window.clipTtl !== undefined);
  expect(await frame.evaluate(() => globalThis.origin)).toBe("null");
  const { warnings, scores } = await loaded(frame, pinned());
  expect(scores).toHaveLength(3);
  expect(warnings).toMatchObject([{ code: "storage-unavailable" }]);
  expect(await frame.evaluate(() => window.clipTtl.modelStorage.list())).toEqual([]);
});

test("two tabs at once share the work", async ({ page, context }) => {
  const other = await context.newPage();
  await openBare(other);
  hub.faults = ({ path }) => (path.endsWith(".safetensors") ? { delayMs: 100 } : undefined);
  const [one, two] = await Promise.all([loaded(page, pinned()), loaded(other, pinned())]);
  expect(two.scores).toEqual(one.scores);
  // Each asks for the header, and some bytes of the weights come along with it.
  expect(hub.sentBytes("model.safetensors")).toBeLessThan(LARGE.weights.length + 2 * 128 * 1024);
  expect(await storedModels(page)).toMatchObject([{ complete: true }]);
  hub.forget();
  await loaded(page, pinned());
  expect(hub.requests).toEqual([]);
});

test("two tabs at once are both right without locks", async ({ page, context }) => {
  const other = await context.newPage();
  const withoutLocks = `Object.defineProperty(WorkerNavigator.prototype, "locks", { get: () => undefined });`;
  for (const tab of [page, other]) {
    await beforeWorker(tab, withoutLocks);
    await openBare(tab);
  }
  const [one, two] = await Promise.all([loaded(page, pinned()), loaded(other, pinned())]);
  expect(two.scores).toEqual(one.scores);
  expect(await storedModels(page)).toMatchObject([{ complete: true }]);
});
