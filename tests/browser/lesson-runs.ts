/** The runs of the ready lessons (www/src/lesson/lessons.ts) with the files that they are recorded in. */

import { join } from "node:path";

import { REPOSITORY } from "./files.js";

export const RECORDINGS = join(REPOSITORY, "www", "lessons");

/** The lessons' links, without the state. */
export const WATCH = "picture=kitten.webp&labels=cat,rabbit,ferret,fox,skunk,penguin,hedgehog,tiger,panda,raccoon&views=24&seed=0";
export const MARGIN = "picture=bee.jpg&labels=ant,fly,spider,bee,ladybug,daisy,beetle,dragonfly,grasshopper,bird&steps=3&views=24&seed=0";
export const HARM = "picture=horses.jpg&labels=elephant,bear,horse,lion,tiger,raccoon,goat,owl,rabbit,cat&steps=3&views=24&seed=0";

/** A recorded run, and what `ClipTtl.adapt` is to be asked for it. */
export interface RecordedRun {
  readonly file: string;
  /** File name of the sample picture. */
  readonly picture: string;
  readonly labels: string[];
  readonly options: { readonly views: number; readonly steps: number; readonly seed: number; readonly margin: number };
}

export const RUNS: readonly RecordedRun[] = [
  runOf("watch-one-update.json", WATCH),
  runOf("the-margin-a.json", MARGIN),
  runOf("the-margin-b.json", MARGIN, 1.4),
  runOf("when-it-goes-wrong.json", HARM),
];

function runOf(file: string, hash: string, margin = 0.4): RecordedRun {
  const link = new URLSearchParams(hash);
  const options = { views: Number(link.get("views")), steps: Number(link.get("steps") ?? 1), seed: Number(link.get("seed")), margin };
  return { file, picture: link.get("picture") ?? "", labels: (link.get("labels") ?? "").split(","), options };
}
