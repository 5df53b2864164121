/** One picture, one list of labels, an answer before and one after: what an element knows and does, without any DOM. */

import type { AdaptRun } from "../adapt-run.js";
import { entropyOf } from "../element/entropy-series.js";
import { asClipTtlError, cancelled, ClipTtlError, type ErrorCode } from "../errors.js";
import type { DeviceInfo, LoadProgress } from "../load-types.js";
import type { AdaptOptions, AdaptProgress, EpisodeReport, ImageInput, StepReport, TtlOptions, ViewBox } from "../types.js";
import { fittingSettings, stepsOf } from "./settings.js";
import type { EngineLike, EngineRequest, Lease, SharedEngines } from "./shared-engines.js";

/** What is asked: the picture, the labels in their order, the sentence around them. */
export interface Question {
  readonly picture: ImageInput;
  readonly labels: readonly string[];
  readonly template: string;
}

export interface RunSettings extends Omit<AdaptOptions, "signal" | "onProgress" | "template"> {
  /** What counts only where the method has such an option, and then more than what is given beside it. */
  readonly wishes?: TtlOptions;
}

/** What goes on. */
export type Activity =
  | { readonly kind: "idle" }
  /** The engine is being loaded, for what comes next. */
  | { readonly kind: "loading"; readonly progress: LoadProgress | null; readonly next: "nothing" | "run" }
  | { readonly kind: "classifying" }
  | { readonly kind: "running"; readonly progress: AdaptProgress | null; readonly steps: number };

/** What is known about the present question. Probabilities are in the order of the labels. */
export interface Knowledge {
  readonly before: readonly number[] | null;
  readonly beforeEntropy: number | null;
  readonly steps: readonly StepReport[];
  /** Where the views lie: known as soon as a run begins. */
  readonly boxes: readonly ViewBox[] | null;
  readonly viewsEncoded: number;
  readonly report: EpisodeReport | null;
}

export const NOTHING_KNOWN: Knowledge = { before: null, beforeEntropy: null, steps: [], boxes: null, viewsEncoded: 0, report: null };

export interface SessionListener {
  /** Activity, knowledge or engine are others than before. */
  changed(): void;
  /** A load, an answer or a run begins. */
  began(): void;
  loading(progress: LoadProgress): void;
  progressed(progress: AdaptProgress): void;
  /** The answer without adaptation has come by itself, without a run. */
  classified(): void;
  stepped(step: StepReport): void;
  finished(report: EpisodeReport): void;
  failed(error: ClipTtlError): void;
}

/** After these the engine can't be used any more. */
const ENGINE_ENDS: ReadonlySet<ErrorCode> = new Set(["engine-crashed", "engine-stalled", "device-lost", "device-failed", "disposed", "worker-failed", "out-of-memory"]);

export class Session {
  readonly #engines: SharedEngines;
  readonly #listener: SessionListener;
  #lease: Lease | null = null;
  #engine: EngineLike | null = null;
  #activity: Activity = { kind: "idle" };
  #knowledge: Knowledge = NOTHING_KNOWN;
  /** The finished answer that comes back where the present run is called off. */
  #kept: Knowledge | null = null;
  #work: AbortController | null = null;

  constructor(engines: SharedEngines, listener: SessionListener) {
    this.#engines = engines;
    this.#listener = listener;
  }

  get activity(): Activity {
    return this.#activity;
  }

  get knowledge(): Knowledge {
    return this.#knowledge;
  }

  /** Whether a run was asked for and has not ended. */
  get isRunning(): boolean {
    return this.#activity.kind === "running" || (this.#activity.kind === "loading" && this.#activity.next === "run");
  }

  /** What the model runs on, once it is loaded. */
  get device(): DeviceInfo | null {
    return this.#engine?.device ?? null;
  }

  /** Another question: what was known or under way belonged to the one before. */
  forget(): void {
    this.#stop();
    this.#kept = null;
    this.#know(NOTHING_KNOWN);
  }

  /** Shows a run that was recorded elsewhere. */
  recall(report: EpisodeReport): void {
    this.#stop();
    this.#kept = null;
    this.#know(knowledgeOf(report));
  }

  /** Loads the engine in advance. Failures are told to the listener. */
  async load(request: EngineRequest): Promise<void> {
    if (this.#activity.kind !== "idle" || (this.#engine !== null && this.#lease?.isOver === false)) return;
    await this.#doing("nothing", async (signal) => void (await this.#open(request, "nothing", signal))).catch(() => undefined);
  }

  /** The answer without adaptation, where no run goes on. Failures are told to the listener. */
  async classify(request: EngineRequest, question: Question): Promise<void> {
    if (this.isRunning || this.#activity.kind === "classifying" || this.#knowledge.before !== null) return;
    // Loading for nothing in particular goes on for this.
    this.#stop();
    const work = async (signal: AbortSignal): Promise<void> => {
      const engine = await this.#open(request, "nothing", signal);
      this.#act({ kind: "classifying" });
      const { picture, labels, template } = question;
      const scores = await engine.classify(picture, labels, { template, signal });
      if (signal.aborted) return;
      const scoreOf = new Map(scores.map(({ label, score }) => [label, score]));
      const before = labels.map((label) => scoreOf.get(label) ?? 0);
      this.#know({ ...NOTHING_KNOWN, before, beforeEntropy: entropyOf(before) });
      this.#listener.classified();
    };
    await this.#doing("nothing", work).catch(() => undefined);
  }

  /** Adapts. A run that is under way is called off first. Rejects with a `ClipTtlError`, which the listener is told too. */
  async run(request: EngineRequest, question: Question, settings: RunSettings): Promise<EpisodeReport> {
    this.#stop();
    // Where a run is under way already, what is known is its steps so far; what it would have gone back to is still the one to keep.
    this.#kept ??= this.#knowledge;
    return this.#doing("run", async (signal) => {
      const engine = await this.#open(request, "run", signal);
      return this.#follow(engine, question, settings, signal);
    });
  }

  /** Calls off what goes on; the answer from before is there again. */
  cancel(): void {
    this.#stop();
    this.#goBack();
  }

  /** Goes back to the answer without adaptation. */
  reset(): void {
    this.#stop();
    const { before, beforeEntropy } = this.#knowledge;
    this.#kept = null;
    this.#know({ ...NOTHING_KNOWN, before, beforeEntropy });
  }

  /** Another engine is wanted from now on, or none for the time being. What is known stays. */
  leave(): void {
    this.cancel();
    this.#lease?.release();
    this.#lease = null;
    this.#engine = null;
    this.#listener.changed();
  }

  async #follow(engine: EngineLike, question: Question, asked: RunSettings, signal: AbortSignal): Promise<EpisodeReport> {
    const methods = await engine.methods();
    if (signal.aborted) throw cancelled("The run", signal);
    const { picture, labels, template } = question;
    const settings = fittingSettings(asked, methods);
    const steps = stepsOf(settings, methods);
    this.#act({ kind: "running", progress: null, steps });
    const { before, beforeEntropy } = this.#knowledge;
    this.#know({ ...NOTHING_KNOWN, before, beforeEntropy });
    const run = engine.adapt(picture, labels, { ...settings, template, signal, onProgress: (progress) => this.#progressed(progress, steps, signal) });
    this.#watchZeroShot(run, signal);
    for await (const step of run) {
      if (signal.aborted) break;
      this.#know({ ...this.#knowledge, steps: [...this.#knowledge.steps, step] });
      this.#listener.stepped(step);
    }
    const report = await run.result;
    if (signal.aborted) throw cancelled("The run", signal);
    // The engine's last piece of work is told as the result; whoever draws a bar wants to see its end.
    const viewsTotal = report.views.length;
    this.#progressed({ stage: "measuring", viewsDone: viewsTotal, viewsTotal }, steps, signal);
    this.#kept = null;
    this.#know(knowledgeOf(report));
    return report;
  }

  #progressed(progress: AdaptProgress, steps: number, signal: AbortSignal): void {
    if (signal.aborted) return;
    if (progress.stage === "drawn") this.#knowledge = { ...this.#knowledge, boxes: progress.views };
    if (progress.stage === "encoding") this.#knowledge = { ...this.#knowledge, viewsEncoded: progress.viewsDone };
    this.#act({ kind: "running", progress, steps });
    this.#listener.progressed(progress);
  }

  #watchZeroShot(run: AdaptRun, signal: AbortSignal): void {
    run.result.catch(() => undefined);
    run.zeroShot.then(
      ({ probabilities, entropy }) => {
        if (!signal.aborted) this.#know({ ...this.#knowledge, before: probabilities, beforeEntropy: entropy });
      },
      () => undefined,
    );
  }

  /** The engine, loaded where it isn't yet, or isn't any more: it may have ended since it was asked last, or its loading failed while nobody waited. */
  async #open(request: EngineRequest, next: "nothing" | "run", signal: AbortSignal): Promise<EngineLike> {
    if (this.#lease?.isOver === true) this.#giveUp();
    if (this.#engine !== null) return this.#engine;
    this.#act({ kind: "loading", progress: null, next });
    this.#lease ??= this.#engines.acquire(request, (progress) => {
      if (this.#activity.kind !== "loading") return;
      this.#act({ ...this.#activity, progress });
      this.#listener.loading(progress);
    });
    const lease = this.#lease;
    const engine = await orAbort(lease.engine, signal);
    if (lease === this.#lease) this.#engine = engine;
    return engine;
  }

  /** Does one thing, and sees to its end, whatever it is. */
  async #doing<Result>(next: "nothing" | "run", work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const abort = new AbortController();
    this.#work = abort;
    this.#listener.began();
    try {
      const result = await work(abort.signal);
      if (this.#work === abort) {
        this.#work = null;
        this.#act({ kind: "idle" });
        if (this.#knowledge.report !== null && next === "run") this.#listener.finished(this.#knowledge.report);
      }
      return result;
    } catch (error) {
      const failure = asClipTtlError(error);
      if (this.#work !== abort) throw abort.signal.aborted ? cancelled("The run", abort.signal) : failure;
      this.#work = null;
      this.#settleEngine(failure);
      this.#goBack();
      this.#listener.failed(failure);
      throw failure;
    }
  }

  /** An engine that could not be loaded, or is gone, is asked for anew the next time. */
  #settleEngine(failure: ClipTtlError): void {
    if (this.#engine === null || ENGINE_ENDS.has(failure.code)) this.#giveUp();
  }

  #giveUp(): void {
    this.#lease?.discard();
    this.#lease = null;
    this.#engine = null;
  }

  #stop(): void {
    const work = this.#work;
    this.#work = null;
    this.#activity = { kind: "idle" };
    work?.abort();
  }

  #goBack(): void {
    const kept = this.#kept;
    this.#kept = null;
    this.#activity = { kind: "idle" };
    const { before, beforeEntropy } = this.#knowledge;
    // What is known without adaptation stays true.
    this.#know(kept === null || kept.before !== null ? (kept ?? this.#knowledge) : { ...NOTHING_KNOWN, before, beforeEntropy });
  }

  #act(activity: Activity): void {
    this.#activity = activity;
    this.#listener.changed();
  }

  #know(knowledge: Knowledge): void {
    this.#knowledge = knowledge;
    this.#listener.changed();
  }
}

/** What a finished run tells. */
export function knowledgeOf(report: EpisodeReport): Knowledge {
  const before = report.before.map(({ probability }) => probability);
  const boxes = report.views.map(({ box, flip }) => ({ box, flip }));
  return { before, beforeEntropy: report.beforeEntropy, steps: report.steps, boxes, viewsEncoded: report.views.length, report };
}

/** Waits for something that others wait for too, and so can't be called off itself. */
function orAbort<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled("Loading", signal));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
