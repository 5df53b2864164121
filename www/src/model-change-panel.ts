/** What is going on with the next model, in the place under the line that names the present one. */

import type { LoadProgress } from "clip-ttl";
import type { ChangeState } from "./model-change.js";
import { hostOf, type ModelChoice } from "./model-choice.js";
import { byId, make, onPress, ProblemLine, setText } from "./page-dom.js";
import { messageOf, property } from "./problems.js";
import { formatSize } from "./sizes.js";
import { text } from "./strings.js";
import type { TransferRate } from "./transfer-rate.js";

/** Rates and pauses go on changing while nothing is told. */
const REFRESH_MS = 500;

export interface ModelChangePanelListener {
  lookUp(choice: ModelChoice): void;
  load(choice: ModelChoice): void;
  stop(): void;
}

/** What is known about the present model. */
export interface Present {
  readonly title: string;
  /** Whether it can be used meanwhile. */
  readonly isReady: boolean;
}

export class ModelChangePanel {
  readonly #element = byId("model-change", HTMLElement);
  readonly #title = byId("model-change-title", HTMLElement);
  readonly #text = byId("model-change-text", HTMLElement);
  readonly #progress = byId("model-progress", HTMLProgressElement);
  readonly #problem = new ProblemLine(byId("model-change-problem", HTMLElement));
  readonly #warnings = byId("model-change-warnings", HTMLElement);
  readonly #go = byId("model-change-go", HTMLButtonElement);
  readonly #stop = byId("model-change-stop", HTMLButtonElement);
  readonly #summary = byId("model-summary", HTMLElement);
  #act: (() => void) | null = null;
  #refreshing: ReturnType<typeof setInterval> | undefined;
  /** When the pause before another attempt ends, by the monotonic clock. */
  #pause: { readonly retry: LoadProgress["retry"]; readonly endsAtMs: number } | null = null;

  readonly #listener: ModelChangePanelListener;

  constructor(listener: ModelChangePanelListener) {
    this.#listener = listener;
    onPress(this.#go, () => this.#act?.());
    onPress(this.#stop, () => listener.stop());
  }

  /** Puts the focus where what has begun can be stopped. */
  focus(): void {
    this.#stop.focus();
  }

  show(state: ChangeState, present: Present): void {
    const focused = this.#element.contains(document.activeElement) ? document.activeElement : null;
    clearInterval(this.#refreshing);
    this.#refreshing = undefined;
    this.#element.hidden = state.kind === "none" || (state.kind === "done" && state.warnings.length === 0);
    this.#progress.hidden = state.kind !== "looking-up" && state.kind !== "loading";
    this.#problem.show(state.kind === "failed" ? this.#problemOf(state.error) : "");
    const warnings = state.kind === "done" ? state.warnings : state.kind === "loading" ? (state.progress?.warnings ?? []) : [];
    this.#warnings.hidden = warnings.length === 0;
    this.#warnings.replaceChildren(...warnings.map(({ message }) => make("li", {}, asSentence(message))));
    this.#describe(state, present);
    if (focused === this.#go && this.#go.hidden) this.#stop.focus();
    if (focused !== null && this.#element.hidden) this.#summary.focus();
  }

  #describe(state: ChangeState, present: Present): void {
    const words = text.model.change;
    switch (state.kind) {
      case "none":
        return;
      case "offered":
        this.#describeOffer(state, present);
        return;
      case "looking-up":
        this.#write(words.lookingUp(state.choice.title), "", words.stopLookingUp);
        this.#progress.removeAttribute("value");
        return;
      case "loading":
        this.#describeLoading(state, present);
        this.#refreshing = setInterval(() => this.#describeLoading(state, present), REFRESH_MS);
        return;
      case "waiting":
        this.#write(words.loaded(state.choice.title), words.waiting, words.stay(present.title));
        return;
      case "done":
        this.#write(words.loaded(state.choice.title), "", words.close);
        return;
      case "failed": {
        // What was only looked up has no size yet.
        const again = state.choice.sizes === null && isDownloaded(state.choice) ? this.#listener.lookUp : this.#listener.load;
        this.#write(words.failed(state.choice.title), present.isReady ? words.stillInUse(present.title) : "", words.close);
        this.#offer(words.tryAgain, () => again.call(this.#listener, state.choice));
        return;
      }
    }
  }

  #describeOffer({ choice, isFromLink, isStored }: ChangeState & { kind: "offered" }, present: Present): void {
    const words = text.model.change;
    const { sizes, title } = choice;
    const host = hostOf(choice);
    const facts = isStored ? words.isStored : sizes === null ? words.sizeUnknown(host) : words.sizes(sizes.downloadBytes, sizes.residentBytes, host);
    this.#write(isFromLink ? words.fromLink(title) : title, facts, isFromLink ? words.stay(present.title) : words.notNow);
    if (isStored || sizes !== null) this.#offer(loadWords(choice, isStored), () => this.#listener.load(choice));
    else this.#offer(words.lookUpSize, () => this.#listener.lookUp(choice));
  }

  #describeLoading({ choice, progress, rate }: ChangeState & { kind: "loading" }, present: Present): void {
    const words = text.model.change;
    const meanwhile = present.isReady ? ` ${words.meanwhile(present.title)}` : "";
    this.#write(words.loading(choice.title), `${this.#stageOf(progress, rate)}${meanwhile}`, words.stopLoading);
    if (progress === null || progress.stage !== "download" || progress.totalBytes === null) this.#progress.removeAttribute("value");
    else this.#progress.value = progress.loadedBytes / Math.max(1, progress.totalBytes);
  }

  /** How far a load has come, in a sentence. */
  #stageOf(progress: LoadProgress | null, rate: TransferRate): string {
    const words = text.model.change;
    if (progress === null) return text.status.starting;
    if (progress.stage !== "download") return text.status.preparing;
    const nowMs = performance.now();
    const bytesPerSecond = progress.retry === null ? rate.bytesPerSecond(nowMs) : null;
    const parts = [
      words.bytes(progress.loadedBytes, progress.totalBytes),
      ...(bytesPerSecond === null || bytesPerSecond < 1 ? [] : [words.rate(bytesPerSecond)]),
      ...((progress.weights?.fromCacheBytes ?? 0) === 0 ? [] : [words.fromStorage(progress.weights?.fromCacheBytes ?? 0)]),
    ];
    return `${parts.join(", ")}. ${this.#pauseOf(progress.retry, nowMs)}`.trim();
  }

  /** What a load waits for, in a sentence; empty where it doesn't. */
  #pauseOf(retry: LoadProgress["retry"], nowMs: number): string {
    if (retry === null) {
      this.#pause = null;
      return "";
    }
    // Each report of the same pause is another copy of it.
    const isSame = this.#pause?.retry?.failures === retry.failures && this.#pause.retry.file === retry.file && this.#pause.retry.delayMs === retry.delayMs;
    if (this.#pause === null || !isSame) this.#pause = { retry, endsAtMs: nowMs + (retry.delayMs ?? 0) };
    if (retry.delayMs === null) return text.model.change.offline;
    return text.model.change.retry(retry.reason, Math.max(0, Math.ceil((this.#pause.endsAtMs - nowMs) / 1000)));
  }

  #problemOf(error: unknown): string {
    return property(error, "code") === "" ? text.engine.noScript : messageOf(error);
  }

  #write(title: string, words: string, stop: string): void {
    setText(this.#title, title);
    setText(this.#text, words);
    setText(this.#stop, stop);
    this.#text.hidden = words === "";
    this.#go.hidden = true;
    this.#act = null;
  }

  #offer(words: string, act: () => void): void {
    setText(this.#go, words);
    this.#go.hidden = false;
    this.#act = act;
  }
}

/** What a press on the button costs. */
export function loadWords({ kind, sizes }: ModelChoice, isStored: boolean): string {
  const words = text.model.load;
  if (isStored) return words.fromStorage;
  if (sizes === null) return words.load;
  return kind === "pocket" ? words.download(formatSize(sizes.downloadBytes)) : words.downloadAndKeep(formatSize(sizes.downloadBytes), formatSize(sizes.residentBytes));
}

function isDownloaded({ kind }: ModelChoice): boolean {
  return kind === "hub" || kind === "address";
}

/** The package's warnings begin small and end without a full stop. */
function asSentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;
}
