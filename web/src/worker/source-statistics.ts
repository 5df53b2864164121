/** The statistics of source pictures that were given with a model, or lie beside the one that ships; some methods compare with them. */

import type { Engine } from "../clip_ttl.js";
import { ClipTtlError } from "../errors.js";
import { bytesOf, fetchChecked, readBody } from "../fetching.js";
import type { WireFile, WireModel } from "../protocol.js";

const FILE = "statistics.safetensors";
/** How messages name it. */
const WHAT = "the model's statistics";

/** A method that is to run, and its options. */
export interface WantedMethod {
  readonly method: string;
  readonly options?: object | undefined;
}

export class SourceStatisticsFile {
  readonly #file: WireFile | null;
  /** Whether they were given: those that should be beside the model may be absent, these may not. */
  readonly #isGiven: boolean;
  #isThere = false;

  /** Of models that don't ship with the package there are none but those that are given. */
  constructor(model: WireModel, given: WireFile | null) {
    const weights = model.kind === "files" && model.isPackage && model.weights.kind === "url" ? model.weights.url : null;
    this.#file = given ?? (weights === null ? null : { kind: "url", url: new URL(FILE, weights).href });
    this.#isGiven = given !== null;
  }

  /**
   * Gives the statistics to the engine if one of the methods can use them and it hasn't got them. Where those beside the model can't be had,
   * the method that can't do without says so itself, and the next one that wants them tries again.
   */
  async bring(engine: Engine, needing: ReadonlySet<string>, methods: readonly WantedMethod[], signal: AbortSignal): Promise<void> {
    const file = this.#file;
    if (file === null || this.#isThere || !methods.some((choice) => canUse(choice, needing))) return;
    try {
      engine.setStatistics(await read(file, signal));
      this.#isThere = true;
    } catch (error) {
      const isAbsent = error instanceof ClipTtlError && ["http-status", "network", "cors"].includes(error.code);
      if (this.#isGiven || !isAbsent) throw error;
    }
  }
}

async function read(file: WireFile, signal: AbortSignal): Promise<Uint8Array> {
  if (file.kind === "data") return bytesOf(file.data);
  const url = new URL(file.url);
  const response = await fetchChecked(url, WHAT, signal);
  return readBody(response, url, WHAT, () => undefined, signal);
}

/** FOA does without them, though less well; OFTTA wants them for one of its options. */
function canUse({ method, options }: WantedMethod, needing: ReadonlySet<string>): boolean {
  return needing.has(method) || method === "foa" || (method === "oftta" && Reflect.get(options ?? {}, "normalisationMix") === true);
}
