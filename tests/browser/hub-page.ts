/** Loading from the hub on this machine, in a page that has nothing but the package. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { BrowserContext, Frame, Page } from "@playwright/test";

import type { CachedModel, LabelScore, LoadProgress, ModelInfo, Warning } from "../../web/src/index.js";
import { FIXTURES } from "./files.js";
import { HubServer, type Files } from "./hub-server.js";
import type { Watch } from "./test.js";
import { tinyClip, type CheckpointFiles } from "./tiny-clip.js";

export const COMMIT = "1".repeat(40);

/** Random weights of 26 MB, in several pieces. */
export const LARGE: CheckpointFiles = tinyClip(128);

export function filesOf({ config, preprocessor, weights }: CheckpointFiles): Files {
  return { "config.json": config, "preprocessor_config.json": preprocessor, "model.safetensors": weights };
}

/** A folder of tests/fixtures. */
function fixture(name: string): Files {
  const file = (path: string): Buffer => readFileSync(join(FIXTURES, name, path));
  return { "config.json": file("config.json"), "model.safetensors": file("model.safetensors") };
}

/** A hub with a model of several pieces, `owner/large`, and the recorded one, `owner/tiny`. */
export async function startHub(): Promise<HubServer> {
  const repository = (files: Files): HubServer["repositories"][string] => ({ commits: { [COMMIT]: files }, refs: { main: COMMIT } });
  return HubServer.start({ "owner/large": repository(filesOf(LARGE)), "owner/tiny": repository(fixture("tiny-quick-gelu")) });
}

/**
 * Pages and workers that a test has made up itself have no place on the network; Chromium asks the user before they may reach
 * servers of this machine.
 */
export async function allowLocalNetwork(context: BrowserContext): Promise<void> {
  await context.grantPermissions(["local-network-access"]);
}

/** Lets the page ask the hub, and fail at it. */
export function allowHub(watch: Watch, hub: HubServer, errors = false): void {
  watch.allowRequest(hub.pattern);
  if (errors) watch.allowError(/Failed to load resource|CORS policy|net::ERR_/);
}

export interface LoadedFromHub {
  readonly code: null;
  readonly model: ModelInfo;
  readonly warnings: readonly Warning[];
  readonly scores: readonly LabelScore[];
  /** The last of what was told. */
  readonly last: LoadProgress;
  /** Whether the total was known before the first piece had come. */
  readonly wasTotalKnown: boolean;
  /** Whether a pause before another attempt was told. */
  readonly hasRetried: boolean;
}

export interface NotLoaded {
  readonly code: string;
  readonly message: string;
}

export interface LoadCall {
  readonly model: string;
  readonly hub: string;
  readonly dtype?: "auto" | "f32" | "f16" | "q8" | "q4";
  readonly cache?: boolean;
  /** Gives up when so many pieces are in the browser's storage. */
  readonly cancelAfterPieces?: number;
}

/** Loads, classifies a drawn picture, and lets go of the engine. */
export async function loadFrom(page: Page | Frame, call: LoadCall): Promise<LoadedFromHub | NotLoaded> {
  return page.evaluate(loadInPage, call);
}

/** The same, where it must succeed. */
export async function loaded(page: Page | Frame, call: LoadCall): Promise<LoadedFromHub> {
  const outcome = await loadFrom(page, call);
  if (outcome.code !== null) throw new Error(`${outcome.code}: ${outcome.message}`);
  return outcome;
}

/** The same, where it must fail. */
export async function failure(page: Page | Frame, call: LoadCall): Promise<NotLoaded> {
  const outcome = await loadFrom(page, call);
  if (outcome.code === null) throw new Error("it was loaded");
  return outcome;
}

async function loadInPage({ cancelAfterPieces = Infinity, ...options }: LoadCall): Promise<LoadedFromHub | NotLoaded> {
  const { ClipTtl, ClipTtlError } = window.clipTtl;
  const abort = new AbortController();
  // A piece is told of before it is stored.
  const storedPieces = async (): Promise<number> => (await (await caches.open("clip-ttl-models-1")).keys()).filter(({ url }) => url.includes("/piece/")).length;
  let last: LoadProgress | null = null;
  let wasTotalKnown = false;
  let hasRetried = false;
  try {
    const clip = await ClipTtl.load({
      ...options,
      device: "cpu",
      signal: abort.signal,
      onProgress: (progress) => {
        if (last?.weights == null && progress.weights !== null) wasTotalKnown = progress.weights.piecesDone === 0 && progress.files.some(({ name, totalBytes }) => name === "model.safetensors" && totalBytes !== null);
        if (progress.retry !== null) hasRetried = true;
        last = progress;
        if ((progress.weights?.piecesDone ?? 0) >= cancelAfterPieces) void storedPieces().then((count) => count >= cancelAfterPieces && abort.abort());
      },
    });
    const picture = new ImageData(24, 16);
    for (let index = 0; index < picture.data.length; index += 1) picture.data[index] = index % 4 === 3 ? 255 : (index * 37) % 256;
    const scores = await clip.classify(picture, ["a cat", "a dog", "a teapot"]);
    const { model, warnings } = clip;
    clip.dispose();
    if (last === null) throw new Error("nothing was told");
    return { code: null, model, warnings, scores, last, wasTotalKnown, hasRetried };
  } catch (error) {
    return { code: error instanceof ClipTtlError ? error.code : "none", message: error instanceof Error ? error.message : String(error) };
  }
}

export async function storedModels(page: Page): Promise<CachedModel[]> {
  return page.evaluate(() => window.clipTtl.modelStorage.list());
}

/** Changes a byte of the stored entries whose addresses end like this; how many there were. */
export async function damageStored(page: Page, end: string): Promise<number> {
  return page.evaluate(async (end) => {
    const cache = await caches.open("clip-ttl-models-1");
    const found = (await cache.keys()).filter(({ url }) => url.endsWith(end));
    for (const request of found) {
      const response = await cache.match(request);
      if (response === undefined) throw new Error("it is gone");
      const bytes = new Uint8Array(await response.arrayBuffer());
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      await cache.put(request, new Response(bytes, { headers: response.headers }));
    }
    return found.length;
  }, end);
}
