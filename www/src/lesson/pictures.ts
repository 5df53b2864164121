/** The lesson's picture: one of the samples, or one of the reader's own. */

import { byId, onPress, ProblemLine } from "../page-dom.js";
import { PictureProblem, readPicture, releasePicture, type LoadedPicture } from "../picture-source.js";
import { loadSample, loadSamples, sampleUrl, type Sample } from "../samples.js";
import { text } from "../strings.js";
import { unfoldChange } from "./change-block.js";
import { words } from "./words.js";

/** A picture with what is known of it. */
export interface LessonPicture {
  readonly picture: LoadedPicture;
  /** Null for the reader's own. */
  readonly sample: Sample | null;
}

export class Pictures {
  readonly #onChoice: (picture: LessonPicture) => void;
  readonly #place = byId("samples", HTMLElement);
  readonly #own = byId("own-picture", HTMLInputElement);
  readonly #problemPlace = byId("own-picture-problem", HTMLElement);
  readonly #problem = new ProblemLine(this.#problemPlace, this.#own);
  readonly #samples: Promise<readonly Sample[]>;
  #present: LessonPicture | null = null;
  /** Pictures that were replaced, but may still be on stage. */
  #former: readonly LessonPicture[] = [];
  /** Only the last of several pictures chosen in a row counts. */
  #turn = 0;

  /** `onChoice` is told of a picture that the reader has chosen, not of one that `show` was asked for. */
  constructor(onChoice: (picture: LessonPicture) => void) {
    this.#onChoice = onChoice;
    this.#samples = loadSamples();
    this.#samples.then(
      (samples) => this.#offer(samples),
      () => {
        this.#place.textContent = text.picture.samplesFailed;
      },
    );
    this.#own.addEventListener("change", () => {
      const file = this.#own.files?.[0];
      // Emptied, so that choosing the same file again counts as a change.
      this.#own.value = "";
      if (file !== undefined) void this.take(file, file.name);
    });
  }

  /** The picture of the next run; another one may still be on stage. */
  get present(): LessonPicture | null {
    return this.#present;
  }

  /** What comes with a sample; null where there is none of this name. */
  async find(file: string): Promise<Sample | null> {
    const samples = await this.#samples.catch(() => []);
    return samples.find((sample) => sample.file === file) ?? null;
  }

  /** Loads a sample. @returns null where another picture was asked for meanwhile @throws where it can't be loaded */
  async show(sample: Sample): Promise<LessonPicture | null> {
    return this.#read(async () => ({ blob: await loadSample(sample), name: sample.title }), sample);
  }

  /** Takes a picture file of the reader's own. */
  async take(blob: Blob, name: string): Promise<void> {
    try {
      const picture = await this.#read(() => Promise.resolve({ blob, name }), null);
      if (picture !== null) this.#onChoice(picture);
    } catch (error) {
      this.#problem.show(error instanceof PictureProblem ? error.message : words.samples.failed);
      // A file can be dropped while the place where this is said is folded, or far away.
      unfoldChange(this.#problemPlace);
    }
  }

  /**
   * Reads a picture that lies in a recording as a `data:` address, without telling of it as the reader's choice.
   * @returns null where the browser can't read it: the run is shown without it
   */
  async showEmbedded(address: string, name: string): Promise<LessonPicture | null> {
    try {
      return await this.#read(async () => ({ blob: await (await fetch(address)).blob(), name }), null);
    } catch {
      return null;
    }
  }

  /** Shows none: the link's own picture isn't here. */
  forget(): void {
    this.#turn += 1;
    this.#set(null);
  }

  async #read(get: () => Promise<{ readonly blob: Blob; readonly name: string }>, sample: Sample | null): Promise<LessonPicture | null> {
    this.#turn += 1;
    const turn = this.#turn;
    this.#problem.clear();
    if (sample !== null && this.#present?.sample?.file === sample.file) return this.#present;
    const { blob, name } = await get();
    const picture = await readPicture(blob, name);
    if (turn !== this.#turn) {
      releasePicture(picture);
      return null;
    }
    this.#set({ picture, sample });
    return this.#present;
  }

  #set(next: LessonPicture | null): void {
    if (this.#present !== null) this.#former = [...this.#former, this.#present];
    this.#present = next;
    this.#mark();
  }

  /** Frees what pictures hold that are neither chosen nor on stage any more. */
  release(onStage: LessonPicture | null): void {
    for (const former of this.#former) if (former !== onStage && former !== this.#present) releasePicture(former.picture);
    this.#former = this.#former.filter((former) => former === onStage);
  }

  #mark(): void {
    for (const button of this.#place.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset["file"] === this.#present?.sample?.file));
    }
  }

  #offer(samples: readonly Sample[]): void {
    this.#place.replaceChildren(
      ...samples.map((sample) => {
        const image = new Image(64, 64);
        image.src = sampleUrl(sample);
        image.alt = sample.title;
        image.decoding = "async";
        image.loading = "lazy";
        const button = document.createElement("button");
        button.type = "button";
        button.className = "sample";
        button.title = sample.title;
        button.dataset["file"] = sample.file;
        button.append(image);
        onPress(button, () => void this.#choose(sample));
        return button;
      }),
    );
    this.#mark();
  }

  async #choose(sample: Sample): Promise<void> {
    try {
      const picture = await this.show(sample);
      if (picture !== null) this.#onChoice(picture);
    } catch {
      this.#problem.show(text.picture.sampleFailed(sample.title));
    }
  }
}
