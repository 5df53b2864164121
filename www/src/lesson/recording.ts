/**
 * A run as a file: the report of an episode with the picture that it is about. `<clip-ttl poster="…">` shows the same files.
 *
 * A file may come from anybody, so everything that the lesson draws is looked at first; and a picture in it is taken only where it needs
 * no request to another site.
 */

import type { StepReport, TtlReport, ViewReport, ViewsState } from "clip-ttl";

export interface Recording {
  readonly report: TtlReport;
  /** Address of the picture, counted from the file's own: of one of the samples, or the picture itself as a `data:` address; else null. */
  readonly picture: string | null;
  /** What the picture shows, in words; empty where nobody has said. */
  readonly alt: string;
}

/** A file that is no recorded run: the message says what is wrong with it. */
export class RecordingProblem extends Error {}

/** More than any run of this page has; a file that claims more is not drawn. */
const MOST = { labels: 1000, views: 1024, steps: 1000, norms: 1000 };

/** Reads the text of a file. @throws RecordingProblem */
export function readRecording(text: string): Recording {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RecordingProblem("it is not JSON", { cause });
  }
  const entry = object(value, "it");
  const labels = list(entry["labels"], "labels", MOST.labels).map((label, at) => string(label, `labels[${at}]`));
  require(labels.length >= 2, "it has fewer than two labels");
  const views = list(entry["views"], "views", MOST.views).map((view, at) => readView(view, `views[${at}]`));
  require(views.length >= 1, "it has no views");
  const steps = list(entry["steps"], "steps", MOST.steps).map((step, at) => readStep(step, `steps[${at}]`, labels.length, views.length));
  for (const name of ["before", "after"]) readScores(entry[name], name, labels);
  number(entry["beforeEntropy"], "beforeEntropy");
  if (entry["finalState"] !== null) readViews(object(entry["finalState"], "finalState"), "finalState", labels.length, views.length);
  for (const name of ["model", "device", "method", "template"]) string(entry[name], name);
  const options = object(entry["options"], "options");
  for (const name of ["steps", "learningRate", "views", "rank", "alpha", "layers", "margin"]) number(options[name], `options.${name}`);
  numbers(options["cropScale"], "options.cropScale", 2);
  number(entry["seed"], "seed");
  list(entry["warnings"], "warnings", MOST.steps).forEach((warning, at) => string(object(warning, `warnings[${at}]`)["message"], `warnings[${at}].message`));
  const { picture, alt, ...report } = entry;
  return {
    report: { ...(report as unknown as TtlReport), labels, views, steps },
    picture: readPicture(picture),
    alt: typeof alt === "string" ? alt : "",
  };
}

/** The report with its boxes in pixels of a copy of the picture, which is so many times as wide and as high. */
export function ofScaledPicture(report: TtlReport, across: number, down: number): TtlReport {
  const views = report.views.map((view) => {
    const { left, top, width, height } = view.box;
    return { ...view, box: { left: left * across, top: top * down, width: width * across, height: height * down } };
  });
  return { ...report, views };
}

/** The text of a file. */
export function writeRecording({ report, picture, alt }: Recording): string {
  return JSON.stringify({ ...report, picture, alt });
}

/** The sample that an address names, by its file's name, or null. */
export function sampleOf(picture: string | null): string | null {
  return /(?:^|\/)samples\/([\w-][\w.-]*)$/.exec(picture ?? "")?.[1] ?? null;
}

/** The picture's address, where it can be shown without asking another site for it; else null. */
function readPicture(value: unknown): string | null {
  if (typeof value !== "string") return null;
  const [beginning] = /^data:image\/(?:png|jpeg|webp);base64,/.exec(value) ?? [];
  if (beginning === undefined) return sampleOf(value) === null ? null : value;
  require(isBase64(value.slice(beginning.length)), "its picture is damaged");
  return value;
}

/** Whether a text stands for bytes, with its padding or without. */
function isBase64(text: string): boolean {
  const letters = text.replace(/=+$/, "").length;
  const isWhole = letters % 4 !== 1 && (letters === text.length || text.length % 4 === 0);
  return isWhole && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}

function readView(value: unknown, where: string): ViewReport {
  const view = object(value, where);
  const box = object(view["box"], `${where}.box`);
  for (const side of ["left", "top", "width", "height"]) number(box[side], `${where}.box.${side}`);
  require(typeof view["flip"] === "boolean", `${where}.flip is neither true nor false`);
  for (const name of ["entropyBefore", "entropyAfter", "weight"]) if (view[name] !== null) number(view[name], `${where}.${name}`);
  return view as unknown as ViewReport;
}

function readStep(value: unknown, where: string, labels: number, views: number): StepReport {
  const step = object(value, where);
  readViews(step, where, labels, views);
  numbers(step["prediction"], `${where}.prediction`, labels);
  number(step["predictionEntropy"], `${where}.predictionEntropy`);
  list(step["adapterNorms"], `${where}.adapterNorms`, MOST.norms).forEach((norm, at) => {
    const entry = object(norm, `${where}.adapterNorms[${at}]`);
    number(entry["block"], `${where}.adapterNorms[${at}].block`);
    number(entry["norm"], `${where}.adapterNorms[${at}].norm`);
    string(entry["projection"], `${where}.adapterNorms[${at}].projection`);
  });
  return step as unknown as StepReport;
}

function readViews(state: Record<string, unknown>, where: string, labels: number, views: number): ViewsState {
  for (const name of ["loss", "entropy", "marginalEntropy"]) number(state[name], `${where}.${name}`);
  for (const name of ["viewEntropies", "viewWeights", "viewProbabilities"]) numbers(state[name], `${where}.${name}`, views);
  const places = numbers(state["viewLabels"], `${where}.viewLabels`, views);
  require(places.every((place) => Number.isInteger(place) && place >= 0 && place < labels), `${where}.viewLabels names a label that isn’t there`);
  return state as unknown as ViewsState;
}

function readScores(value: unknown, where: string, labels: readonly string[]): void {
  const scores = list(value, where, labels.length);
  require(scores.length === labels.length, `${where} has not one entry for each label`);
  scores.forEach((score, at) => number(object(score, `${where}[${at}]`)["probability"], `${where}[${at}].probability`));
}

function require(holds: boolean, problem: string): asserts holds {
  if (!holds) throw new RecordingProblem(problem);
}

function object(value: unknown, where: string): Record<string, unknown> {
  require(typeof value === "object" && value !== null && !Array.isArray(value), `${where} is not an object`);
  return value as Record<string, unknown>;
}

function list(value: unknown, where: string, most: number): readonly unknown[] {
  require(Array.isArray(value), `${where} is not a list`);
  require(value.length <= most, `${where} has more than ${most} entries`);
  return value;
}

function numbers(value: unknown, where: string, count: number): readonly number[] {
  const entries = list(value, where, count);
  require(entries.length === count, `${where} has ${entries.length} entries, not ${count}`);
  return entries.map((entry, at) => number(entry, `${where}[${at}]`));
}

function number(value: unknown, where: string): number {
  require(typeof value === "number" && Number.isFinite(value), `${where} is not a number`);
  return value;
}

function string(value: unknown, where: string): string {
  require(typeof value === "string", `${where} is not a text`);
  return value;
}
