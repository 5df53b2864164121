/** The buttons, how far things are, and what went wrong. */

import { html, setText } from "../element/dom.js";
import type { StatusLine } from "./status-line.js";
import type { ElementStrings } from "./strings.js";

export interface RunListener {
  run(): void;
  step(): void;
  cancel(): void;
  reset(): void;
}

export class RunPanel {
  readonly buttons: HTMLElement;
  readonly device: HTMLElement;
  readonly status: HTMLElement;
  readonly #run: HTMLButtonElement;
  readonly #step: HTMLButtonElement;
  readonly #cancel: HTMLButtonElement;
  readonly #reset: HTMLButtonElement;
  readonly #progress: HTMLProgressElement;
  readonly #words: HTMLElement;
  readonly #problem: HTMLElement;
  readonly #problemWords: HTMLElement;
  readonly #wayOut: HTMLButtonElement;
  #take: (() => void) | null = null;

  constructor(strings: ElementStrings, listener: RunListener) {
    const text = strings.widget.buttons;
    const button = (name: string, words: string, title?: string): HTMLButtonElement =>
      html("button", { type: "button", class: `w-button w-${name}`, part: `button ${name}-button`, title }, words);
    this.#run = button("run", text.run);
    this.#step = button("step", text.step, text.stepHelp);
    this.#cancel = button("cancel", text.cancel);
    this.#reset = button("reset", text.reset);
    this.buttons = html("div", { class: "w-buttons", part: "buttons" }, this.#run, this.#step, this.#cancel, this.#reset);
    this.device = html("p", { class: "w-device ct-soft", part: "device" });
    this.#progress = html("progress", { class: "w-progress", part: "progress", max: 1, value: 0, "aria-hidden": "true" });
    this.#words = html("p", { class: "w-status-words ct-soft ct-number" });
    this.#problemWords = html("p", {});
    this.#wayOut = button("way-out", "");
    this.#problem = html("div", { class: "w-problem-box", part: "problem", hidden: true }, this.#problemWords, this.#wayOut);
    this.status = html("div", { class: "w-status", part: "status" }, this.#progress, this.#words, this.#problem);
    onPress(this.#run, () => listener.run());
    onPress(this.#step, () => listener.step());
    onPress(this.#cancel, () => {
      listener.cancel();
      this.#run.focus();
    });
    onPress(this.#reset, () => {
      listener.reset();
      this.#run.focus();
    });
    onPress(this.#wayOut, () => {
      const take = this.#take;
      this.clearProblem();
      // The pressed button is gone: the focus goes on to what it set in motion.
      this.#run.focus();
      take?.();
    });
  }

  setEnabled(state: { readonly isRunning: boolean; readonly canReset: boolean }): void {
    enable(this.#run, !state.isRunning);
    enable(this.#step, !state.isRunning);
    enable(this.#cancel, state.isRunning);
    enable(this.#reset, state.canReset && !state.isRunning);
  }

  showStatus({ words, share }: StatusLine): void {
    setText(this.#words, words);
    this.#progress.classList.toggle("w-progress-idle", share === undefined);
    if (share === null) this.#progress.removeAttribute("value");
    else this.#progress.value = share ?? 0;
  }

  showDevice(words: string): void {
    setText(this.device, words);
    this.device.title = words;
  }

  /** Says what is wrong, with one way out where there is one. */
  showProblem(message: string, wayOut: { readonly words: string; readonly take: () => void } | null): void {
    this.#problem.hidden = false;
    setText(this.#problemWords, message);
    setText(this.#wayOut, wayOut?.words ?? "");
    this.#wayOut.hidden = wayOut === null;
    this.#take = wayOut?.take ?? null;
    setText(this.#words, "");
  }

  clearProblem(): void {
    this.#problem.hidden = true;
    this.#take = null;
  }
}

/** A button without a function keeps its place and the focus: `disabled` would lose both. */
function enable(button: HTMLButtonElement, isEnabled: boolean): void {
  button.setAttribute("aria-disabled", String(!isEnabled));
}

function onPress(button: HTMLButtonElement, act: () => void): void {
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") act();
  });
}
