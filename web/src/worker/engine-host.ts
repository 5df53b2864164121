/** Does what requests ask for, with the engine. Knows neither messages nor the queue. */

import type { CompareEvent as WasmCompareEvent, Comparison, Engine, Episode, EpisodeEvent, LabelEncoding, Picture } from "../clip_ttl.js";
import { ClipTtlError } from "../errors.js";
import { bytesOf } from "../fetching.js";
import { loadModel } from "../hub/load.js";
import type { DeviceInfo, LoadProgress } from "../load-types.js";
import { DownloadProgress } from "../progress.js";
import type { CompareEvent, Exchanges, Request, RunEvent } from "../protocol.js";
import type { AdapterFiles, Classification, ClassifyProgress, CompareReport, EpisodeReport, VerifyReport } from "../types.js";
import type { GpuWatch } from "./gpu-watch.js";
import type { Obituary } from "./obituary.js";
import { PictureCache } from "./picture-cache.js";
import type { Ticket } from "./request-queue.js";
import { SourceStatisticsFile, type WantedMethod } from "./source-statistics.js";
import { loadWasm, type WasmModule } from "./wasm-loader.js";

interface Opened {
  readonly engine: Engine;
  readonly pictures: PictureCache;
  readonly wasm: WasmModule;
  readonly device: DeviceInfo;
  readonly statistics: SourceStatisticsFile;
}

export class EngineHost {
  readonly #gpu: GpuWatch;
  readonly #obituary: Obituary;
  #opened: Opened | null = null;
  #kept: KeptEpisode | null = null;

  constructor(gpu: GpuWatch, obituary: Obituary) {
    this.#gpu = gpu;
    this.#obituary = obituary;
  }

  async open(request: Request<"open">, ticket: Ticket, tell: (progress: LoadProgress) => void): Promise<Exchanges["open"]["result"]> {
    const progress = new DownloadProgress(tell);
    const loadingWasm = loadWasm(request, progress, ticket.signal).then((wasm) => {
      // Before anything else is done with it.
      wasm.onPanic((message) => this.#obituary.panicked(message));
      return wasm;
    });
    const loader = loadingWasm.then((wasm) => wasm.Loader);
    // Whoever waits for it gets the failure; perhaps nobody does any more.
    loader.catch(() => undefined);
    const [wasm, loaded] = await Promise.all([loadingWasm, loadModel(request, { loader, progress, signal: ticket.signal })]);
    progress.report("prepare");
    await ticket.pause();
    const engine = await wasm.Engine.open(request.device);
    const { kind, name, software } = engine.device;
    if (kind === "cpu") this.#gpu.forget();
    const device = { kind, software, name: kind === "cpu" ? name : (this.#gpu.adapterName ?? name) };
    await ticket.pause();
    const model = engine.loadAssembled(request.model.name, loaded);
    this.#opened = { engine, pictures: new PictureCache(wasm), wasm, device, statistics: new SourceStatisticsFile(request.model, request.statistics) };
    progress.report("ready");
    return { device, model, methods: wasm.methods(), warnings: progress.warnings };
  }

  async classify(request: Request<"classify">, ticket: Ticket, tell: (progress: ClassifyProgress) => void): Promise<Classification> {
    const { engine, pictures, device } = this.#require();
    const { labels, template, adapter } = request;
    const picture = await pictures.get(request.image);
    // With an adapter the labels' features are of this one answer.
    if (adapter === null) await encodeToEnd(engine.encodeLabels(labels, template), ticket, tell);
    const classification =
      adapter === null
        ? await engine.classify(picture, labels, template)
        : await engine.classifyWithAdapter(picture, labels, template, adapter.weights, adapter.config);
    return { ...classification, deviceName: device.name };
  }

  async verify(request: Request<"verify">): Promise<VerifyReport> {
    const { engine, device } = this.#require();
    const { episode } = request;
    const report = await engine.verify(await bytesOf(episode));
    return { ...report, deviceName: device.name };
  }

  async adapt(request: Request<"adapt">, ticket: Ticket, tell: (event: RunEvent) => void): Promise<EpisodeReport> {
    const { engine, pictures, device } = this.#require();
    const picture = await pictures.get(request.image);
    await this.#bringStatistics([{ method: request.method, options: request.options }], ticket);
    await ticket.pause();
    const question = new Question(picture, request);
    const former = this.#kept;
    const kept = former?.canGoOn(question) === true ? former : null;
    const episode = kept?.episode ?? engine.start(picture, request.labels, request.template, request.method, request.options);
    // What was asked for can be done: from now on the former run's adapter is gone.
    this.#kept = null;
    if (kept === null) former?.episode.free();
    try {
      kept?.goOn(question, tell);
      const report = { ...(await advanceToEnd(episode, ticket, tell)), deviceName: device.name };
      if (report.stopped === null) this.#kept = new KeptEpisode(request.run, question, episode, report);
      else episode.free();
      return report;
    } catch (error) {
      episode.free();
      throw error;
    }
  }

  /** Several methods on the same views; an adaptation that could go on is kept meanwhile. */
  async compare(request: Request<"compare">, ticket: Ticket, tell: (event: CompareEvent) => void): Promise<CompareReport> {
    const { engine, pictures, device } = this.#require();
    const { image, labels, template, views, methods } = request;
    const picture = await pictures.get(image);
    await this.#bringStatistics(methods, ticket);
    await ticket.pause();
    const comparison = engine.compare(picture, labels, template, { ...views, methods });
    try {
      return { ...(await compareToEnd(comparison, ticket, tell)), deviceName: device.name };
    } finally {
      comparison.free();
    }
  }

  /** What a run has trained, if it is the last one. */
  async adapter({ run }: Request<"adapter">): Promise<AdapterFiles> {
    const kept = this.#kept;
    if (kept === null || kept.run !== run) throw new ClipTtlError("adapter-gone", "the engine has this run's adapter no more");
    const { weights, config } = await kept.episode.adapter();
    return { weights, config };
  }

  /** Of the engine's WebAssembly module. */
  memoryBytes(): number {
    return this.#require().engine.memoryBytes;
  }

  /** As a bug in the engine would. */
  panicForTests(): void {
    this.#require().wasm.panicForTests();
  }

  async #bringStatistics(methods: readonly WantedMethod[], { signal }: Ticket): Promise<void> {
    const { engine, statistics, wasm } = this.#require();
    const needing = new Set<string>(wasm.methods().filter((method) => method.needsStatistics).map(({ name }) => name));
    await statistics.bring(engine, needing, methods, signal);
  }

  #require(): Opened {
    if (this.#opened === null) throw new ClipTtlError("model-missing", "no model is loaded");
    return this.#opened;
  }
}

/** Encodes labels piece by piece; between the pieces messages come in. */
async function encodeToEnd(encoding: LabelEncoding, ticket: Ticket, tell: (progress: ClassifyProgress) => void): Promise<void> {
  try {
    for (;;) {
      const [labelsDone, labelsTotal] = encoding.advance();
      tell({ stage: "labels", labelsDone, labelsTotal });
      await ticket.pause();
      if (labelsDone >= labelsTotal) return;
    }
  } finally {
    encoding.free();
  }
}

/** Drives an episode piece by piece; between the pieces messages come in. */
async function advanceToEnd(episode: Episode, ticket: Ticket, tell: (event: RunEvent) => void): Promise<EpisodeReport> {
  for (;;) {
    const event = await episode.advance();
    if (event.type === "done") return withoutType(event);
    tell(asRunEvent(event));
    await ticket.pause();
  }
}

/** Drives a comparison piece by piece; between the pieces messages come in. */
async function compareToEnd(comparison: Comparison, ticket: Ticket, tell: (event: CompareEvent) => void): Promise<CompareReport> {
  for (;;) {
    const event = await comparison.advance();
    if (event.type === "done") return event.report;
    tell(asCompareEvent(event));
    await ticket.pause();
  }
}

function asCompareEvent(event: Exclude<WasmCompareEvent, { type: "done" }>): CompareEvent {
  switch (event.type) {
    case "zero_shot":
      return { type: "zero-shot", zeroShot: withoutType(event) };
    case "method_done":
      return { type: "outcome", outcome: event.outcome };
    case "method_started":
      return { type: "progress", progress: { stage: "method", index: event.index, method: event.method } };
    case "step": {
      const { index, ...step } = withoutType(event);
      return { type: "progress", progress: { stage: "step", index, step } };
    }
    case "stepping":
      return { type: "progress", progress: { ...withoutType(event), stage: "stepping" } };
    default:
      return { type: "progress", progress: { ...withoutType(event), stage: event.type } as Extract<CompareEvent, { type: "progress" }>["progress"] };
  }
}

function asRunEvent(event: Exclude<EpisodeEvent, { type: "done" }>): RunEvent {
  switch (event.type) {
    case "zero_shot":
      return { type: "zero-shot", zeroShot: withoutType(event) };
    case "step":
      return { type: "step", step: withoutType(event) };
    default:
      return { type: "progress", progress: { ...withoutType(event), stage: event.type } as Extract<RunEvent, { type: "progress" }>["progress"] };
  }
}

function withoutType<T extends { readonly type: string }>(event: T): Omit<T, "type"> {
  const { type: _type, ...rest } = event;
  return rest;
}

/** What a run is about. Two runs that differ only in the number of steps begin with the same steps. */
class Question {
  readonly steps: number | undefined;
  readonly #picture: Picture;
  readonly #rest: string;

  constructor(picture: Picture, request: Request<"adapt">) {
    const { steps, ...options } = request.options;
    const sorted = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
    this.steps = steps;
    this.#picture = picture;
    this.#rest = JSON.stringify([request.labels, request.template, request.method, sorted]);
  }

  /** Whether all but the number of steps is the same. */
  isLike(other: Question): boolean {
    return this.#picture === other.#picture && this.#rest === other.#rest;
  }
}

/** The last run's episode: asked for one step more, it needs no more than that step. */
class KeptEpisode {
  /** The page's number of the run. */
  readonly run: number;
  readonly episode: Episode;
  readonly #question: Question;
  readonly #report: EpisodeReport;

  constructor(run: number, question: Question, episode: Episode, report: EpisodeReport) {
    this.run = run;
    this.episode = episode;
    this.#question = question;
    this.#report = report;
  }

  /** Whether a question is about this episode with further steps. */
  canGoOn(question: Question): boolean {
    return this.#question.isLike(question) && this.#furtherSteps(question) > 0;
  }

  /** Tells what was told before, and makes the episode ready for the further steps. */
  goOn(question: Question, tell: (event: RunEvent) => void): void {
    const { before, beforeEntropy, steps, views } = this.#report;
    this.episode.extend(this.#furtherSteps(question));
    tell({ type: "progress", progress: { stage: "drawn", views: views.map(({ box, flip }) => ({ box, flip })) } });
    tell({ type: "progress", progress: { stage: "encoding", viewsDone: views.length, viewsTotal: views.length } });
    tell({ type: "zero-shot", zeroShot: { probabilities: before.map((entry) => entry.probability), entropy: beforeEntropy } });
    for (const step of steps) tell({ type: "step", step });
  }

  #furtherSteps(question: Question): number {
    const wanted = question.steps;
    return Number.isSafeInteger(wanted) ? (wanted ?? 0) - this.#report.steps.length : 0;
  }
}
