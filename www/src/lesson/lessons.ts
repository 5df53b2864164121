/**
 * The ready lessons, as data: the page lists them, the teaching guide refers to them, and the tests run them.
 *
 * A lesson's runs are recorded, so that it is there at once. `tests/browser/lesson.spec.ts` holds the recordings against the engine.
 */

import { readPageLink } from "../link.js";
import { isSameRun, otherSpec, specOf, type RunSpec } from "./spec.js";

export interface Lesson {
  readonly id: string;
  readonly title: string;
  /** What it is about, in a sentence. */
  readonly summary: string;
  /** The part of its address behind `#`. */
  readonly hash: string;
  /** What to do in it, in turn. */
  readonly tasks: readonly string[];
  /** Files of the recorded runs beside the page: the first run's, and the second one's where there are two. */
  readonly recordings: readonly string[];
}

const FOLDER = "./lessons/";

export const LESSONS: readonly Lesson[] = [
  {
    id: "watch-one-update",
    title: "Watch one update",
    summary: "A rabbit at first, a cat afterwards: what 24 crops say, which of them count, and what a single update does to all of them.",
    hash: "picture=kitten.webp&labels=cat,rabbit,ferret,fox,skunk,penguin,hedgehog,tiger,panda,raccoon&views=24&seed=0&state=0",
    tasks: [
      "Find the surest view in the picture. What does it show?",
      "Before stepping on: by weight, which label do the views favour?",
      "Step once. Which view changed most? Did every view become surer?",
    ],
    recordings: ["watch-one-update.json"],
  },
  {
    id: "the-margin",
    title: "The margin",
    summary: "The same views twice: a higher margin multiplies every weight by the same number. Guess what that changes, then step.",
    hash: "picture=bee.jpg&labels=ant,fly,spider,bee,ladybug,daisy,beetle,dragonfly,grasshopper,bird&steps=3&views=24&seed=0&state=0&b.margin=1.4",
    tasks: [
      "Compare the weights of A and B: by what factor do they differ?",
      "Compare the answers after each update. AdamW divides a gradient by its size: what is left of the factor?",
      "Change the learning rate in B instead. What is the difference?",
    ],
    recordings: ["the-margin-a.json", "the-margin-b.json"],
  },
  {
    id: "when-it-goes-wrong",
    title: "When it goes wrong",
    summary: "Horses that the model gets right at first. After one update the answer is lost, and every further one makes the mistake surer.",
    hash: "picture=horses.jpg&labels=elephant,bear,horse,lion,tiger,raccoon,goat,owl,rabbit,cat&steps=3&views=24&seed=0&state=0",
    tasks: [
      "Before any update: which label has the most weight, and is it the right one?",
      "Step on. When is the right answer lost? What does the entropy do meanwhile?",
      "Remove the label that wins from the list, and run again.",
    ],
    recordings: ["when-it-goes-wrong.json"],
  },
];

/** The recorded run's file, where there is one. */
export function recordingOf(spec: RunSpec): string | null {
  for (const { hash, recordings } of LESSONS) {
    const link = readPageLink(hash);
    const first = specOf(link);
    if (first === null) continue;
    const specs = link.other === null ? [first] : [first, otherSpec(first, link.other)];
    const at = specs.findIndex((known) => isSameRun(known, spec));
    const file = recordings[at];
    if (file !== undefined) return FOLDER + file;
  }
  return null;
}

/** The ready lesson that a run is the first of, or null. */
export function lessonOf(spec: RunSpec): Lesson | null {
  const address = recordingOf(spec);
  return LESSONS.find(({ recordings }) => address !== null && recordings[0] !== undefined && address.endsWith(`/${recordings[0]}`)) ?? null;
}
