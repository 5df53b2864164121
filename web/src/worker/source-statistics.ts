/** The statistics of source pictures that were given with a model, or ship with it; some methods compare with them. */

import type { Engine } from "../clip_ttl.js";
import { toWire, type ErrorCode } from "../errors.js";
import { bytesOf, fetchChecked, readBody } from "../fetching.js";
import type { WireFile, WireModel } from "../protocol.js";

/** How messages name it. */
const WHAT = "the model's statistics";

/** What goes wrong where there are none. */
const ABSENT: ReadonlySet<ErrorCode> = new Set(["http-status", "network", "cors", "statistics-invalid"]);

/** A method that is to run, and its options. */
export interface WantedMethod {
  readonly method: string;
  readonly options?: object | undefined;
}

export class SourceStatisticsFile {
  readonly #file: WireFile | null;
  /** Whether they were given: those that should lie beside the model may be absent, these may not. */
  readonly #isGiven: boolean;
  #isThere = false;

  /** Of models that don't ship with the package there are none but those that are given. */
  constructor(model: WireModel, given: WireFile | null) {
    this.#file = given ?? (model.kind === "files" ? model.statistics : null);
    this.#isGiven = given !== null;
  }

  /**
   * Gives the statistics to the engine if one of the methods can use them and it hasn't got them. Where those beside the model can't be had, or
   * a server answers with something else, the method that can't do without says so itself, and the next one that wants them tries again.
   */
  async bring(engine: Engine, needing: ReadonlySet<string>, methods: readonly WantedMethod[], signal: AbortSignal): Promise<void> {
    const file = this.#file;
    if (file === null || this.#isThere || !methods.some((choice) => canUse(choice, needing))) return;
    try {
      engine.setStatistics(await read(file, signal));
      this.#isThere = true;
    } catch (error) {
      if (this.#isGiven || !ABSENT.has(toWire(error).code)) throw error;
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
