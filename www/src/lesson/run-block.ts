/** The button that runs, the one that calls it off, how far it has come, and what went wrong. */

import type { AdaptProgress } from "clip-ttl";
import type { EngineState } from "../engine-host.js";
import { byId, onPress, setEnabled, setText } from "../page-dom.js";
import { wordsOfDevice, wordsOfLoading, wordsOfProgress } from "../run-progress.js";
import { text } from "../strings.js";

export class RunBlock {
  readonly #run = byId("run", HTMLButtonElement);
  readonly #cancel = byId("cancel", HTMLButtonElement);
  readonly #device = byId("device", HTMLElement);
  readonly #progress = byId("progress", HTMLProgressElement);
  readonly #status = byId("status", HTMLElement);
  readonly #problem = byId("run-problem", HTMLElement);
  /** Whether the line says that something is going on. */
  #isBusy = false;

  constructor(listener: { run(): void; cancel(): void }) {
    onPress(this.#run, () => listener.run());
    onPress(this.#cancel, () => listener.cancel());
    this.showStatus("");
  }

  setRunning(isRunning: boolean): void {
    setEnabled(this.#run, !isRunning);
    setEnabled(this.#cancel, isRunning);
  }

  /** A line about what is going on; `share` (0 to 1) fills the bar, null lets it move without an end, undefined hides it. */
  showStatus(words: string, share?: number | null): void {
    setText(this.#status, words);
    this.#isBusy = share !== undefined;
    this.#progress.classList.toggle("progress-idle", share === undefined);
    if (share === null) this.#progress.removeAttribute("value");
    else this.#progress.value = share ?? 0;
  }

  showEngine(state: EngineState): void {
    if (state.kind === "loading") {
      setText(this.#device, text.device.loading);
      const told = wordsOfLoading(state.progress);
      // Loading goes on where what waited for it was called off: then that stays said.
      if (told !== null && this.#isBusy) this.showStatus(told.words, told.share);
    } else {
      setText(this.#device, state.kind === "ready" ? wordsOfDevice(state.clip.device) : "");
    }
  }

  /** `which` names the run where there are two. */
  showProgress(progress: AdaptProgress, which: string): void {
    const told = wordsOfProgress(progress);
    if (told !== null) this.showStatus(which === "" ? told.words : `${which}: ${told.words}`, told.share);
  }

  showProblem(message: string): void {
    setText(this.#problem, message);
    this.#problem.hidden = message === "";
  }
}
