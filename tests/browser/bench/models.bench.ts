/**
 * What a model of full size takes in Chromium on the CPU device: loading from a hub without the storage, into it and from it, then
 * one episode. Fails where loading takes more memory than it may.
 */

import { existsSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";

import { chromium, type Page } from "@playwright/test";

import type { WeightsChoice, Warning } from "../../../web/src/index.js";
import { openBare } from "../bare.js";
import { allowHub, allowLocalNetwork, COMMIT } from "../hub-page.js";
import { HubServer, type Files } from "../hub-server.js";
import { expect, test as base } from "../test.js";
import { readJob, writeFigures, type EpisodeFigures, type Figures, type JobModel, type LoadFigures } from "./job.js";
import { measureVisits } from "./visits.js";

/** What loading may need besides the weights as they are kept: the module itself, and pieces on their way. */
const MEMORY_BESIDE_WEIGHTS_BYTES = 128 * 2 ** 20;

/** A chunk of views on slow cores: much longer than anybody would wait for a page. */
const STALL_TIMEOUT_MS = 30 * 60 * 1000;

/** The demo page opens with it. */
const DEMO_MODEL = "pocket";
const STEPS = 1;
const LABELS = ["cat", "dog", "bird", "flower", "car", "house", "tree", "bicycle", "boat", "teapot"];

/** With a profile on disk, as people have it: those of tests keep the browser's storage in memory. */
const test = base.extend({
  context: async ({ baseURL, launchOptions }, use, testInfo) => {
    const profile = testInfo.outputPath("profile");
    const context = await chromium.launchPersistentContext(profile, { ...launchOptions, ...(baseURL === undefined ? {} : { baseURL }) });
    await use(context);
    await context.close();
    await rm(profile, { recursive: true, force: true });
  },
});

const job = readJob();

for (const model of job.models) {
  test(model.name, async ({ page, context, watch }) => {
    const say = (text: string): void => console.log(`${model.name}: ${text}`);
    const repository = `bench/${model.name}`;
    const files = filesOf(model);
    const hub = await HubServer.start({ [repository]: { commits: { [COMMIT]: files }, refs: { main: COMMIT } } });
    try {
      // A checkpoint with its configuration in its metadata has no config.json: the browser notes that it was not found.
      allowHub(watch, hub, true);
      await allowLocalNetwork(context);
      await prepare(hub, repository);

      const load = async (cache: boolean): Promise<Loaded & LoadFigures> => {
        await openBare(page);
        hub.forget();
        const loaded = await page.evaluate(loadInPage, { model: repository, hub: hub.url, dtype: job.dtype, cache, stallTimeoutMs: STALL_TIMEOUT_MS });
        const transferred_bytes = hub.requests.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
        say(`loaded in ${seconds(loaded.load_ms)}, ${megabytes(transferred_bytes)} transferred, ${megabytes(loaded.memory_bytes)} of memory`);
        expect.soft(loaded.warnings, "warnings while loading").toEqual([]);
        expect.soft(loaded.memory_bytes, "memory while loading").toBeLessThanOrEqual(loaded.resident_bytes + MEMORY_BESIDE_WEIGHTS_BYTES);
        return { ...loaded, transferred_bytes };
      };

      const visits = model.name === DEMO_MODEL ? await measureVisits(page) : null;
      if (visits !== null) say(`first answer after ${seconds(visits.first_ms)}, on a later visit after ${seconds(visits.later_ms)}`);

      say("loading without the storage");
      const first = await load(false);
      const figures: Figures = {
        browser: await page.evaluate(() => /Chrom\w*\/(\d+)/.exec(navigator.userAgent)?.[0] ?? navigator.userAgent),
        parameters: first.parameters,
        dtype: first.dtype,
        file_bytes: files["model.safetensors"].length,
        resident_bytes: first.resident_bytes,
        memory_limit_bytes: first.resident_bytes + MEMORY_BESIDE_WEIGHTS_BYTES,
        loads: {},
        episode: null,
        visits,
      };
      const note = (kind: keyof Figures["loads"], { load_ms, transferred_bytes, memory_bytes }: LoadFigures): void => {
        figures.loads[kind] = { load_ms, transferred_bytes, memory_bytes };
        writeFigures(job, model, figures);
      };
      note("without_storage", first);

      say("loading into the storage");
      note("into_storage", await load(true));

      say("loading from the storage");
      const last = await load(true);
      note("from_storage", last);
      expect.soft(last.not_from_storage_bytes, "weights that were not in the storage").toBe(0);

      say(`adapting: ${job.views} views, ${STEPS} step`);
      figures.episode = await measureEpisode(page, job.views);
      writeFigures(job, model, figures);
      say(`adapted in ${seconds(figures.episode.timing_ms["total"] ?? NaN)}, ${megabytes(figures.episode.memory_bytes)} of memory`);
    } finally {
      await hub.stop();
    }
  });
}

function filesOf({ folder }: JobModel): Files & Record<"model.safetensors", Buffer> {
  const read = (file: string): Buffer => readFileSync(join(folder, file));
  const configuration = ["config.json", "preprocessor_config.json"].filter((file) => existsSync(join(folder, file)));
  return { ...Object.fromEntries(configuration.map((file) => [file, read(file)])), "model.safetensors": read("model.safetensors") };
}

/** The hub computes a file's checksum at the first request for it: seconds that are none of the page's. */
async function prepare(hub: HubServer, repository: string): Promise<void> {
  const response = await fetch(`${hub.url}/${repository}/resolve/main/model.safetensors`, { headers: { range: "bytes=0-7" } });
  await response.arrayBuffer();
}

interface LoadCall {
  readonly model: string;
  readonly hub: string;
  readonly dtype: WeightsChoice;
  readonly cache: boolean;
  readonly stallTimeoutMs: number;
}

interface Loaded extends Omit<LoadFigures, "transferred_bytes"> {
  readonly resident_bytes: number;
  readonly parameters: number;
  readonly dtype: string;
  readonly warnings: readonly Warning[];
  readonly not_from_storage_bytes: number;
}

/** Runs in the page; `window.clip` is what was loaded. */
async function loadInPage(call: LoadCall): Promise<Loaded> {
  let notFromStorage = NaN;
  const start = performance.now();
  const clip = await window.clipTtl.ClipTtl.load({
    ...call,
    device: "cpu",
    onProgress: ({ weights }) => {
      if (weights !== null) notFromStorage = weights.sourceBytes - weights.fromCacheBytes;
    },
  });
  const load_ms = performance.now() - start;
  window.clip = clip;
  const { residentBytes: resident_bytes, parameters, dtype } = clip.model;
  return { load_ms, memory_bytes: await clip.memoryBytes(), resident_bytes, parameters, dtype, warnings: clip.warnings, not_from_storage_bytes: notFromStorage };
}

async function measureEpisode(page: Page, views: number): Promise<EpisodeFigures> {
  const { timing_ms, memory_bytes } = await page.evaluate(adaptInPage, { labels: LABELS, views, steps: STEPS });
  return { views, steps: STEPS, labels: LABELS.length, timing_ms, memory_bytes };
}

/** Runs in the page. The picture is that of `clip-ttl bench`, so that both have the same to do. */
async function adaptInPage({ labels, views, steps }: { labels: readonly string[]; views: number; steps: number }): Promise<Pick<EpisodeFigures, "timing_ms" | "memory_bytes">> {
  const side = 512;
  const picture = new ImageData(side, side);
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) picture.data.set([x >> 1, y >> 1, (x * y) >> 10, 255], 4 * (y * side + x));
  }
  const report = await window.clip.adapt(picture, labels, { views, steps }).result;
  return { timing_ms: report.timingMs, memory_bytes: await window.clip.memoryBytes() };
}

function seconds(ms: number): string {
  return `${(ms / 1e3).toFixed(1)} s`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
