/** Recorded runs: those that ship with the page, and files that the reader opens or drops. */

import { byId, ProblemLine } from "../page-dom.js";
import { isForTextField, pictureOf } from "../picture-source.js";
import { unfoldChange } from "./change-block.js";
import { readRecording, RecordingProblem, type Recording } from "./recording.js";
import { words } from "./words.js";

/** More than a run of 1024 views and 50 updates takes, its picture included. */
const MAX_BYTES = 64 * 1024 * 1024;

/** A recorded run of this page's own. */
export async function fetchRun(address: string): Promise<Recording> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return readRecording(await response.text());
}

export interface FileListener {
  /** Rejects where the run can't be shown. */
  recordingOpened(recording: Recording, name: string): Promise<void>;
  pictureDropped(file: File): void;
  /** Files were dropped of which one is an adapter's weights. */
  adapterDropped(files: readonly File[]): void;
}

/** The ways in which files come into the lesson: chosen with the button, or dropped anywhere. */
export class FileDoor {
  readonly #input = byId("recording", HTMLInputElement);
  readonly #problemPlace = byId("recording-problem", HTMLElement);
  readonly #problem = new ProblemLine(this.#problemPlace, this.#input);
  readonly #listener: FileListener;

  constructor(listener: FileListener) {
    this.#listener = listener;
    this.#input.addEventListener("change", () => {
      const file = this.#input.files?.[0];
      // Emptied, so that choosing the same file again counts as a change.
      this.#input.value = "";
      if (file !== undefined) void this.#open(file);
    });
    // A file that misses its place must not replace the page.
    document.addEventListener("dragover", (event) => {
      if (!isForTextField(event)) event.preventDefault();
    });
    document.addEventListener("drop", (event) => {
      if (isForTextField(event)) return;
      event.preventDefault();
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.some(({ name }) => /\.safetensors$/i.test(name))) {
        this.#listener.adapterDropped(files);
        return;
      }
      const file = pictureOf(event.dataTransfer);
      if (file === null) return;
      if (/\.json$/i.test(file.name) || file.type === "application/json") void this.#open(file);
      else this.#listener.pictureDropped(file);
    });
  }

  async #open(file: File): Promise<void> {
    this.#problem.clear();
    if (file.size > MAX_BYTES) {
      this.#show(words.open.tooLarge(file.name));
      return;
    }
    try {
      await this.#listener.recordingOpened(readRecording(await file.text()), file.name);
    } catch (error) {
      this.#show(words.open.failed(file.name, error instanceof RecordingProblem ? error.message : String(error)));
    }
  }

  #show(message: string): void {
    this.#problem.show(message);
    unfoldChange(this.#problemPlace);
  }
}
