/** The buttons, the progress, the device that runs, and what went wrong with the engine. */

import type { AdaptProgress, LoadProgress } from "clip-ttl";
import type { EngineState } from "./engine-host.js";
import { byId, onPress, setEnabled } from "./page-dom.js";
import { wordsOfDevice, wordsOfLoading, wordsOfProgress, type ProgressWords } from "./run-progress.js";
import { text } from "./strings.js";

export interface RunListener {
  run(): void;
  step(): void;
  cancel(): void;
  reset(): void;
}

export class RunPanel {
  readonly #run = byId("run", HTMLButtonElement);
  readonly #step = byId("step", HTMLButtonElement);
  readonly #cancel = byId("cancel", HTMLButtonElement);
  readonly #reset = byId("reset", HTMLButtonElement);
  readonly #device = byId("device", HTMLElement);
  readonly #progress = byId("progress", HTMLProgressElement);
  readonly #status = byId("status", HTMLElement);
  readonly #problem = byId("engine-problem", HTMLElement);
  readonly #problemText = byId("engine-problem-text", HTMLElement);
  readonly #action = byId("engine-action", HTMLButtonElement);
  #act: (() => void) | null = null;

  constructor(listener: RunListener) {
    onPress(this.#run, () => listener.run());
    onPress(this.#step, () => listener.step());
    onPress(this.#cancel, () => listener.cancel());
    onPress(this.#reset, () => listener.reset());
    onPress(this.#action, () => {
      const act = this.#act;
      this.clearProblem();
      // The pressed button is gone: the focus goes on to what it set in motion.
      this.#run.focus();
      act?.();
    });
    this.#problem.setAttribute("role", "alert");
    this.showDevice(text.device.notYet);
    this.showStatus(text.status.waiting);
  }

  setButtons(state: { readonly isRunning: boolean; readonly canReset: boolean }): void {
    setEnabled(this.#run, !state.isRunning);
    setEnabled(this.#step, !state.isRunning);
    setEnabled(this.#cancel, state.isRunning);
    setEnabled(this.#reset, state.canReset);
  }

  /** What the model runs on, in words. */
  get device(): string {
    return this.#device.textContent ?? "";
  }

  showDevice(words: string): void {
    this.#device.textContent = words;
  }

  /** The engine's way from nothing to ready, as far as it needs no action. */
  showEngine(state: EngineState): void {
    switch (state.kind) {
      case "idle":
        this.showDevice(text.device.notYet);
        break;
      case "loading":
        this.showDevice(text.device.loading);
        this.#showLoading(state.progress);
        break;
      case "ready":
        this.showDevice(wordsOfDevice(state.clip.device));
        this.clearProblem();
        break;
      case "failed":
        this.showStatus(text.status.loadFailed);
        break;
    }
  }

  /** A line about what is going on; `share` (0 to 1) fills the bar, null lets it move without an end, undefined hides it. */
  showStatus(words: string, share?: number | null): void {
    if (this.#status.textContent !== words) this.#status.textContent = words;
    this.#progress.classList.toggle("progress-idle", share === undefined);
    if (share === null) this.#progress.removeAttribute("value");
    else this.#progress.value = share ?? 0;
  }

  showProgress(progress: AdaptProgress): void {
    this.#showWords(wordsOfProgress(progress));
  }

  #showLoading(progress: LoadProgress | null): void {
    this.#showWords(wordsOfLoading(progress));
  }

  #showWords(told: ProgressWords | null): void {
    if (told !== null) this.showStatus(told.words, told.share);
  }

  /** Says what is wrong with the engine, with one way out. */
  showProblem(message: string, action: string, act: () => void): void {
    this.#problem.hidden = false;
    this.#problemText.textContent = message;
    this.#action.textContent = action;
    this.#action.hidden = action === "";
    this.#act = act;
  }

  clearProblem(): void {
    this.#problem.hidden = true;
    this.#act = null;
  }
}
