/** The statistics of source pictures that lie beside the model that ships; some methods compare with them. */

import type { Engine } from "../clip_ttl.js";
import { ClipTtlError } from "../errors.js";
import { fetchChecked, readBody } from "../fetching.js";
import type { WireModel } from "../protocol.js";

const FILE = "statistics.safetensors";

/** A method that is to run, and its options. */
export interface WantedMethod {
  readonly method: string;
  readonly options?: object | undefined;
}

export class SourceStatisticsFile {
  readonly #url: URL | null;
  #isThere = false;

  /** Models that don't ship with the package have none. */
  constructor(model: WireModel) {
    const weights = model.kind === "files" && model.isPackage && model.weights.kind === "url" ? model.weights.url : null;
    this.#url = weights === null ? null : new URL(FILE, weights);
  }

  /**
   * Gives the statistics to the engine if one of the methods can use them and it hasn't got them. Where they can't be had, the method that
   * can't do without says so itself, and the next one that wants them tries again.
   */
  async bring(engine: Engine, needing: ReadonlySet<string>, methods: readonly WantedMethod[], signal: AbortSignal): Promise<void> {
    const url = this.#url;
    if (url === null || this.#isThere || !methods.some((choice) => canUse(choice, needing))) return;
    try {
      const response = await fetchChecked(url, "the model's statistics", signal);
      engine.setStatistics(await readBody(response, url, "the model's statistics", () => undefined, signal));
      this.#isThere = true;
    } catch (error) {
      const isAbsent = error instanceof ClipTtlError && ["http-status", "network", "cors"].includes(error.code);
      if (!isAbsent) throw error;
    }
  }
}

/** FOA does without them, though less well; OFTTA wants them for one of its options. */
function canUse({ method, options }: WantedMethod, needing: ReadonlySet<string>): boolean {
  return needing.has(method) || method === "foa" || (method === "oftta" && Reflect.get(options ?? {}, "normalisationMix") === true);
}
