/** Loads as the worker does, with a loader that stands in for the engine's. */

import type { Loader } from "../../src/clip_ttl.js";
import { loadModel, type LoadTools } from "../../src/hub/load.js";
import { resolveModel } from "../../src/hub/resolve.js";
import { ModelStore } from "../../src/hub/store.js";
import type { LoadProgress, ModelSource, WeightsChoice } from "../../src/load-types.js";
import { DownloadProgress } from "../../src/progress.js";
import { QUICK } from "./checkpoints.js";
import type { FakeCaches } from "./fake-caches.js";
import { FakeLoader } from "./fake-loader.js";

export interface LoadingOptions {
  readonly hub?: string;
  readonly caches?: FakeCaches | null;
  readonly dtype?: WeightsChoice;
  readonly signal?: AbortSignal;
  readonly tools?: Partial<LoadTools>;
}

/** What a load came to. */
export interface Outcome {
  readonly loader: FakeLoader;
  readonly progress: readonly LoadProgress[];
  readonly last: LoadProgress;
}

export async function load(model: ModelSource, options: LoadingOptions = {}): Promise<Outcome> {
  const progress: LoadProgress[] = [];
  const download = new DownloadProgress((report) => progress.push(report), 0);
  const { caches = null, dtype = "auto" } = options;
  const job = { model: resolveModel(model, { folder: null, hub: options.hub }), dtype, cache: caches !== null };
  const loader = await loadModel(job, {
    loader: Promise.resolve(FakeLoader as unknown as typeof Loader),
    progress: download,
    signal: options.signal ?? new AbortController().signal,
    http: QUICK,
    openStore: () => ModelStore.open(caches?.asStorage()),
    locks: null,
    ...options.tools,
  });
  const last = progress.at(-1);
  if (last === undefined) throw new Error("nothing was told");
  return { loader: loader as unknown as FakeLoader, progress, last };
}
