/** Models from a hub, from addresses and from the device, through the same code path as the real hub's: what comes and how it is told. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import type { LabelScore } from "../../web/src/index.js";
import { openBare } from "./bare.js";
import { FIXTURES } from "./files.js";
import { allowHub, COMMIT, failure, filesOf, LARGE, loaded, startHub } from "./hub-page.js";
import type { HubServer } from "./hub-server.js";
import { expect, test } from "./test.js";
import { singleFile } from "./tiny-clip.js";

let hub: HubServer;

test.beforeAll(async () => {
  hub = await startHub();
});
test.afterAll(() => hub.stop());
test.beforeEach(async ({ page, watch }) => {
  hub.forget();
  hub.faults = () => undefined;
  allowHub(watch, hub);
  await openBare(page);
});

const LARGE_FILE_BYTES = LARGE.weights.length;

test("a repository is loaded by parts, through the redirect, without asking for leave", async ({ page }) => {
  const { model, last, wasTotalKnown, scores, warnings } = await loaded(page, { model: "owner/large", hub: hub.url, dtype: "f32" });
  expect(model).toMatchObject({ name: "owner/large", imageSize: 16, visionWidth: 128, dtype: "f32" });
  expect(warnings).toEqual([]);
  expect(wasTotalKnown, "the size before the first piece").toBe(true);
  expect(last.stage).toBe("ready");
  expect(last.loadedBytes).toBe(last.totalBytes);
  expect(last.weights).toMatchObject({ revision: COMMIT, dtype: "f32", fileDtype: "f32", fromCacheBytes: 0 });
  expect(last.weights?.pieces).toBeGreaterThan(3);
  expect(last.weights?.piecesDone).toBe(last.weights?.pieces);
  expect(last.files.find(({ name }) => name === "model.safetensors")).toEqual({ name: "model.safetensors", loadedBytes: LARGE_FILE_BYTES, totalBytes: LARGE_FILE_BYTES });
  expect(scores.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 4);

  const weights = hub.requests.filter(({ path }) => path.endsWith(".safetensors"));
  expect(new Set(hub.requests.map(({ method }) => method)), "no HEAD, and no OPTIONS before").toEqual(new Set(["GET"]));
  expect(weights.every(({ range }) => range !== null && /^bytes=\d+-\d+$/.test(range))).toBe(true);
  expect(weights.every(({ path }) => path.includes(COMMIT)), "the branch's commit, not the branch").toBe(true);
  expect(hub.sentBytes("model.safetensors"), "no byte twice").toBe(LARGE_FILE_BYTES);
});

test("weights are quantised while they come", async ({ page }) => {
  const exact = await loaded(page, { model: "owner/large", hub: hub.url, dtype: "f32", cache: false });
  const quantised = await loaded(page, { model: "owner/large", hub: hub.url, dtype: "q8", cache: false });
  expect(quantised.model.dtype).toBe("q8");
  expect(quantised.model.residentBytes).toBeLessThan(0.35 * exact.model.residentBytes);
  expect(quantised.last.weights?.residentBytes).toBeLessThan(0.35 * LARGE_FILE_BYTES);
  for (const { label, score } of exact.scores) {
    expect(quantised.scores.find((other) => other.label === label)?.score).toBeCloseTo(score, 1);
  }
});

test("a recorded episode passes with a model that came from the hub", async ({ page }) => {
  await page.route("**/episode", (route) => route.fulfill({ body: readFileSync(join(FIXTURES, "ttl-default.safetensors")) }));
  const report = await page.evaluate(async (hub) => {
    const clip = await window.clipTtl.ClipTtl.load({ model: "owner/tiny", hub, device: "cpu" });
    return clip.verify(await (await fetch("./episode")).blob());
  }, hub.url);
  expect(report.passed).toBe(true);
});

test("revisions, addresses of pages and addresses of files lead to the same model", async ({ page }) => {
  const byName = await loaded(page, { model: "owner/large", hub: hub.url });
  const forms = [`owner/large@${COMMIT}`, `${hub.url}/owner/large/blob/main/model.safetensors`, `${hub.url}/owner/large`];
  for (const model of forms) expect((await loaded(page, { model, hub: hub.url })).scores, model).toEqual(byName.scores);
  // With another hub than this one, it is an address like any other.
  const address = `${hub.url}/owner/large/resolve/${COMMIT}/model.safetensors`;
  const plain = await loaded(page, { model: address, hub: "https://huggingface.co" });
  expect(plain.scores).toEqual(byName.scores);
  expect(plain.last.files.map(({ name }) => name)).toContain("preprocessor_config.json");
});

test("weights that only a pull request has are found, and it is said that they are", async ({ page, watch }) => {
  watch.allowError(/404 \(Not Found\)/);
  const main = "5".repeat(40);
  const { "model.safetensors": _weights, ...rest } = hub.repositories["owner/large"]?.commits[COMMIT] ?? {};
  hub.repositories["owner/converted"] = {
    commits: { [main]: { ...rest, "pytorch_model.bin": "x" }, [COMMIT]: hub.repositories["owner/large"]?.commits[COMMIT] ?? {} },
    refs: { main, "refs/pr/12": COMMIT },
  };
  const { last, warnings } = await loaded(page, { model: "owner/converted", hub: hub.url });
  expect(last.weights?.revision).toBe(COMMIT);
  expect(warnings).toMatchObject([{ code: "weights-from-pull-request", message: expect.stringContaining("refs/pr/12") }]);
});

/** Loads files from the device, in the page. */
async function loadLocal(page: Page, what: "folder" | "parts" | "single" | "bare" | "other"): Promise<LabelScore[] | string> {
  await page.route("**/local/*", async (route) => {
    const name = route.request().url().split("/").at(-1);
    const files: Record<string, Buffer | string> = { ...filesOf(LARGE), "single.safetensors": singleFile(LARGE) };
    await route.fulfill({ body: files[name ?? ""] ?? "" });
  });
  return page.evaluate(async (what) => {
    const { ClipTtl, ClipTtlError } = window.clipTtl;
    const file = async (name: string): Promise<File> => new File([await (await fetch(`./local/${name}`)).blob()], name);
    const names = ["config.json", "preprocessor_config.json", "model.safetensors", "single.safetensors"];
    const [config, preprocessor, weights, single] = await Promise.all(names.map(file));
    if (config === undefined || preprocessor === undefined || weights === undefined || single === undefined) throw new Error("a file is missing");
    const models = {
      folder: [config, preprocessor, weights, new File(["x"], "README.md")],
      parts: { name: "mine", config, preprocessor, weights: new Uint8Array(await weights.arrayBuffer()) },
      single,
      bare: weights,
      other: [config, new File(["x"], "pytorch_model.bin")],
    };
    try {
      const clip = await ClipTtl.load({ model: models[what], device: "cpu" });
      const picture = new ImageData(24, 16);
      for (let index = 0; index < picture.data.length; index += 1) picture.data[index] = index % 4 === 3 ? 255 : (index * 37) % 256;
      const scores = await clip.classify(picture, ["a cat", "a dog", "a teapot"]);
      clip.dispose();
      return scores;
    } catch (error) {
      return error instanceof ClipTtlError ? `${error.code}: ${error.message}` : String(error);
    }
  }, what);
}

test("files from the device give what the hub gives, and aren't stored", async ({ page }) => {
  const fromHub = await loaded(page, { model: "owner/large", hub: hub.url, cache: false });
  expect(await loadLocal(page, "folder")).toEqual(fromHub.scores);
  expect(await loadLocal(page, "parts")).toEqual(fromHub.scores);
  expect(await loadLocal(page, "single")).toEqual(fromHub.scores);
  expect(await loadLocal(page, "bare"), "without its configuration").toMatch(/^config-invalid: /);
  expect(await loadLocal(page, "other")).toMatch(/^model-incomplete: .*pytorch_model\.bin.*clip-ttl convert/s);
  expect(await page.evaluate(() => window.clipTtl.modelStorage.list())).toEqual([]);
});

test("a load that is cancelled ends at once, and asks for nothing more", async ({ page, watch }) => {
  watch.allowError(/net::ERR_/);
  hub.faults = ({ path }) => (path.endsWith(".safetensors") ? { delayMs: 200 } : undefined);
  const { code } = await failure(page, { model: "owner/large", hub: hub.url, cancelAfterPieces: 1 });
  expect(code).toBe("cancelled");
  const count = hub.requests.length;
  await page.waitForTimeout(1000);
  expect(hub.requests.length).toBe(count);
});
