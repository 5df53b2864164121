/** What `cargo xtask bench` asks for, and what it gets. Keys of both as in the command line's `--json`; sizes are in bytes. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";

import type { WeightsChoice } from "../../../web/src/index.js";
import type { VisitFigures } from "./visits.js";

export interface Job {
  readonly models: readonly JobModel[];
  readonly dtype: WeightsChoice;
  readonly views: number;
  /** The folder for the figures of each model, `NAME.json`. */
  readonly results: string;
}

export interface JobModel {
  readonly name: string;
  /** It has `model.safetensors`, and `config.json` unless the weights' metadata has it. */
  readonly folder: string;
}

/** The figures of one model. */
export interface Figures {
  readonly browser: string;
  readonly parameters: number;
  /** The format that most of the weights are kept in. */
  readonly dtype: string;
  readonly file_bytes: number;
  /** The weights as they are kept. */
  readonly resident_bytes: number;
  /** What the engine's memory may take after loading. */
  readonly memory_limit_bytes: number;
  readonly loads: {
    without_storage?: LoadFigures;
    into_storage?: LoadFigures;
    from_storage?: LoadFigures;
  };
  /** Null where it did not come to its end. */
  episode: EpisodeFigures | null;
  /** Of the demo page, which begins with the model that ships; null with another model. */
  readonly visits: VisitFigures | null;
}

export interface LoadFigures {
  /** From the call to the loaded model: the worker's start and compiling the engine are in it. */
  readonly load_ms: number;
  /** What the hub sent, all files together. */
  readonly transferred_bytes: number;
  /** The engine's WebAssembly memory afterwards, which is the most that it has needed. */
  readonly memory_bytes: number;
}

export interface EpisodeFigures {
  readonly views: number;
  readonly steps: number;
  readonly labels: number;
  readonly timing_ms: Readonly<Record<string, number>>;
  readonly memory_bytes: number;
}

/** The job, from the file that the variable `CLIP_TTL_BENCH` names. */
export function readJob(): Job {
  const path = env["CLIP_TTL_BENCH"];
  if (path === undefined) throw new Error("the benchmark is started by `cargo xtask bench`");
  return JSON.parse(readFileSync(path, "utf8")) as Job;
}

/** Called after each measurement: one that fails does not take the others with it. */
export function writeFigures(job: Job, model: JobModel, figures: Figures): void {
  mkdirSync(job.results, { recursive: true });
  writeFileSync(join(job.results, `${model.name}.json`), JSON.stringify(figures, null, 2));
}
