/** What a program in TypeScript does with the package: it must compile as strictly as TypeScript can. */

import { ClipTtl, ClipTtlError, modelStorage, setAssetBase, setWorkerUrl, type AdaptRun, type CachedModel, type ErrorCode, type LoadProgress } from "clip-ttl";
import { adoptViewStyles, Bars } from "clip-ttl/element";
import "clip-ttl/worker";

setAssetBase("/static/clip-ttl/");
setWorkerUrl("/clip-ttl-worker.js");

export async function adapt(file: File): Promise<readonly { readonly label: string; readonly probability: number }[]> {
  const clip = await ClipTtl.load({ model: "pocket", dtype: "q8", device: "auto", onProgress: ({ stage, loadedBytes }: LoadProgress) => console.log(stage, loadedBytes) });
  try {
    const scores = await clip.classify(file, ["cat", "dog"], { template: "a photo of a {}." });
    console.log(scores[0]?.label, scores[0]?.score.toFixed(2));
    const run: AdaptRun = clip.adapt(file, ["cat", "dog"], { steps: 2, views: 8, seed: 1 });
    for await (const step of run) console.log(step.step, step.entropy);
    return (await run.result).after;
  } catch (error) {
    const code: ErrorCode | null = error instanceof ClipTtlError ? error.code : null;
    console.error(code);
    throw error;
  } finally {
    clip.dispose();
  }
}

export async function names(): Promise<string[]> {
  const models: readonly CachedModel[] = await modelStorage.list();
  return models.map(({ name }) => name);
}

export function views(): unknown {
  adoptViewStyles(document);
  return Bars;
}

// @ts-expect-error a device that there is not
void ClipTtl.load({ device: "quantum" });
// @ts-expect-error labels are strings
void ClipTtl.load().then((clip) => clip.classify(new Blob(), [1, 2]));
