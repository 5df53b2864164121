/**
 * CLIP that adapts itself to one picture, inside the browser.
 *
 * ```ts
 * const clip = await ClipTtl.load();
 * const run = clip.adapt(file, ["cat", "dog", "teapot"], { steps: 3 });
 * for await (const step of run) console.log(step.step, step.entropy);
 * console.log((await run.result).after);
 * clip.dispose();
 * ```
 */

export type { AdaptRun } from "./adapt-run.js";
export type { CompareRun } from "./compare-run.js";
export { setAssetBase, setWorkerUrl } from "./assets.js";
export { ClipTtl } from "./engine.js";
export { adviceFor, ClipTtlError, ERROR_CODES, isErrorCode, type ErrorCode } from "./errors.js";
export { CATALOGUE } from "./hub/catalogue.js";
export { modelStorage, type ModelStorage } from "./hub/model-storage.js";
export type * from "./load-types.js";
export { DEFAULT_TEMPLATE } from "./template.js";
export type * from "./types.js";
