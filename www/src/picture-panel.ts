/** The picture: dropped, chosen, pasted, fetched from an address, or one of the samples. */

import { byId, make, onPress, ProblemLine } from "./page-dom.js";
import { addressOf, fetchPicture, isForTextField, isTextField, PictureProblem, pictureOf, readPicture, releasePicture, type LoadedPicture } from "./picture-source.js";
import { loadSample, loadSamples, sampleUrl, type Sample } from "./samples.js";
import { text } from "./strings.js";

export interface PictureListener {
  /** Another picture was chosen, or the picture was taken away; `sample` where it is one of ours. */
  pictureChanged(picture: LoadedPicture | null, sample: Sample | null): void;
}

interface Shown {
  readonly picture: LoadedPicture;
  readonly sample: Sample | null;
}

export class PicturePanel {
  readonly #listener: PictureListener;
  readonly #drop = byId("drop", HTMLElement);
  readonly #hint = byId("drop-hint", HTMLElement);
  readonly #preview = byId("preview", HTMLImageElement);
  readonly #caption = byId("picture-caption", HTMLElement);
  readonly #remove = byId("remove", HTMLButtonElement);
  readonly #file = byId("file", HTMLInputElement);
  readonly #url = byId("url", HTMLInputElement);
  readonly #samples = byId("samples", HTMLElement);
  readonly #sampleNote = byId("sample-note", HTMLElement);
  readonly #problem = new ProblemLine(byId("picture-problem", HTMLElement), this.#file);
  readonly #urlProblem = new ProblemLine(byId("url-problem", HTMLElement), this.#url);
  #shown: Shown | null = null;
  /** What was shown before: it comes back when the engine can't read its successor. */
  #previous: Shown | null = null;
  /** Only the last of several pictures chosen in a row counts. */
  #turn = 0;

  constructor(listener: PictureListener) {
    this.#listener = listener;
    this.#listenForFiles();
    this.#listenForDrops();
    this.#listenForPastes();
    byId("url-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#takeAddress(this.#url.value);
    });
    onPress(this.#remove, () => {
      this.#turn += 1;
      // What is still being fetched isn't waited for any more.
      this.#drop.classList.remove("drop-busy");
      this.#show(null);
      this.#file.focus();
    });
    this.#describe();
  }

  /**
   * Fetches the list of samples, shows it, and takes the one with this file name; where there is none, or with null, the first one, if no
   * picture was chosen meanwhile. With an empty name none is shown.
   *
   * @returns whether there is one of this name
   */
  async offerSamples(file: string | null): Promise<boolean> {
    // Of several links in a row the last one's picture counts.
    if (file !== null) this.#turn += 1;
    const turn = this.#turn;
    let samples: Sample[];
    try {
      samples = await loadSamples();
    } catch {
      this.#samples.textContent = text.picture.samplesFailed;
      return true;
    }
    if (this.#samples.childElementCount === 0) this.#samples.replaceChildren(...samples.map((sample) => this.#sampleButton(sample)));
    const named = samples.find((sample) => sample.file === file);
    const wanted = named ?? (this.#shown === null ? samples[0] : undefined);
    if (turn !== this.#turn) return file === null || named !== undefined;
    if (file === "") {
      if (this.sampleFile !== null) this.#show(null);
    } else if (wanted !== undefined && wanted.file !== this.sampleFile) {
      await this.#takeSample(wanted);
    }
    return file === null || named !== undefined;
  }

  get hasPicture(): boolean {
    return this.#shown !== null;
  }

  /** The sample that is shown; null where it is none. */
  get sample(): Sample | null {
    return this.#shown?.sample ?? null;
  }

  /** File name of the sample that is shown; null where it is none. */
  get sampleFile(): string | null {
    return this.sample?.file ?? null;
  }

  /** Says that there is no picture, and puts the focus where one can be chosen. */
  askForPicture(): void {
    this.#problem.show(text.picture.missing);
    this.#file.focus();
  }

  /** The engine couldn't read the picture: says why, and brings the one before it back. */
  reject(reason: string): void {
    const previous = this.#previous;
    this.#previous = null;
    this.#show(previous, { keepsPrevious: false });
    this.#problem.show(previous === null ? reason : `${reason} ${text.picture.kept}`);
  }

  /** The engine has read the picture: the one before it isn't needed any more. */
  accept(): void {
    if (this.#previous !== null) releasePicture(this.#previous.picture);
    this.#previous = null;
  }

  #listenForFiles(): void {
    this.#file.addEventListener("change", () => {
      const file = this.#file.files?.[0];
      // Emptied, so that choosing the same file again counts as a change.
      this.#file.value = "";
      if (file !== undefined) void this.#take(file, file.name);
    });
  }

  #listenForDrops(): void {
    this.#drop.addEventListener("click", (event) => {
      // Whoever has just taken the picture away didn't ask for another one.
      if (this.#shown === null && !event.composedPath().includes(this.#remove)) this.#file.click();
    });
    let depth = 0;
    const mark = (change: number): void => {
      depth = Math.max(0, depth + change);
      this.#drop.classList.toggle("drop-over", depth > 0);
    };
    // The whole page takes drops: a picture that misses the frame must not replace the page.
    document.addEventListener("dragenter", () => mark(1));
    document.addEventListener("dragleave", () => mark(-1));
    document.addEventListener("dragover", (event) => {
      if (!isForTextField(event)) event.preventDefault();
    });
    document.addEventListener("drop", (event) => {
      mark(-depth);
      if (isForTextField(event)) return;
      event.preventDefault();
      this.#takeTransfer(event.dataTransfer);
    });
  }

  #listenForPastes(): void {
    document.addEventListener("paste", (event) => {
      const { clipboardData, target } = event;
      // Spreadsheets put a picture of the cells beside their text.
      const isText = clipboardData?.types.includes("text/plain") === true;
      if (isTextField(target) && (isText || pictureOf(clipboardData) === null)) return;
      if (this.#takeTransfer(clipboardData)) event.preventDefault();
      else this.#problem.show(text.picture.nothingPasted);
    });
    onPress(byId("paste", HTMLButtonElement), () => void this.#pasteFromClipboard());
  }

  #takeTransfer(data: DataTransfer | null): boolean {
    const file = pictureOf(data);
    const address = addressOf(data);
    if (file !== null) void this.#take(file, file.name || text.picture.pasted);
    else if (address !== null) void this.#takeAddress(address);
    return file !== null || address !== null;
  }

  async #pasteFromClipboard(): Promise<void> {
    let items: ClipboardItem[];
    try {
      items = await navigator.clipboard.read();
    } catch {
      this.#problem.show(text.picture.pasteRefused);
      return;
    }
    for (const item of items) {
      const type = item.types.find((entry) => entry.startsWith("image/"));
      if (type === undefined) continue;
      await this.#take(await item.getType(type), text.picture.pasted);
      return;
    }
    this.#problem.show(text.picture.nothingPasted);
  }

  async #takeAddress(address: string): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    this.#urlProblem.clear();
    this.#drop.classList.add("drop-busy");
    try {
      const { blob, name } = await fetchPicture(address);
      if (turn === this.#turn) await this.#take(blob, name);
    } catch (error) {
      if (turn === this.#turn) this.#urlProblem.show(messageOf(error));
    } finally {
      if (turn === this.#turn) this.#drop.classList.remove("drop-busy");
    }
  }

  async #takeSample(sample: Sample): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    try {
      const blob = await loadSample(sample);
      if (turn === this.#turn) await this.#take(blob, sample.title, sample);
    } catch {
      if (turn !== this.#turn) return;
      // What was being fetched when the sample was chosen isn't waited for any more.
      this.#drop.classList.remove("drop-busy");
      this.#problem.show(text.picture.sampleFailed(sample.title));
    }
  }

  async #take(blob: Blob, name: string, sample: Sample | null = null): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    this.#problem.clear();
    this.#urlProblem.clear();
    this.#drop.classList.add("drop-busy");
    try {
      const picture = await readPicture(blob, name);
      if (turn === this.#turn) this.#show({ picture, sample });
      else releasePicture(picture);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#problem.show(this.#shown === null ? messageOf(error) : `${messageOf(error)} ${text.picture.kept}`);
    } finally {
      if (turn === this.#turn) this.#drop.classList.remove("drop-busy");
    }
  }

  #show(next: Shown | null, { keepsPrevious } = { keepsPrevious: true }): void {
    const old = this.#shown;
    this.#shown = next;
    if (old !== null && old.picture !== next?.picture) {
      if (keepsPrevious && next !== null && this.#previous === null) this.#previous = old;
      else releasePicture(old.picture);
    }
    // Whoever takes the picture away doesn't want the one before it back either.
    if (next === null) this.accept();
    this.#problem.clear();
    this.#urlProblem.clear();
    this.#describe();
    this.#listener.pictureChanged(next?.picture ?? null, next?.sample ?? null);
  }

  #describe(): void {
    const shown = this.#shown;
    this.#sampleNote.textContent = shown?.sample?.note ?? "";
    this.#hint.hidden = shown !== null;
    this.#drop.classList.toggle("drop-empty", shown === null);
    this.#preview.hidden = shown === null;
    this.#remove.hidden = shown === null;
    for (const button of this.#samples.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset["file"] === shown?.sample?.file));
    }
    if (shown === null) {
      this.#preview.removeAttribute("src");
      this.#caption.textContent = text.picture.none;
      return;
    }
    const { picture, sample } = shown;
    this.#preview.src = picture.previewUrl;
    this.#preview.alt = sample?.alt ?? text.picture.alt(picture.name);
    this.#caption.textContent =
      sample === null
        ? text.picture.own(picture.name, picture.source.width, picture.source.height)
        : text.picture.credit(sample.title, sample.author, sample.licence);
  }

  #sampleButton(sample: Sample): HTMLButtonElement {
    const image = new Image(64, 64);
    image.src = sampleUrl(sample);
    image.alt = "";
    image.decoding = "async";
    image.loading = "lazy";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sample";
    const { sign, words } = text.picture.outcomes[sample.outcome];
    button.title = text.picture.sample(sample.title, words);
    button.setAttribute("aria-label", button.title);
    button.dataset["file"] = sample.file;
    button.setAttribute("aria-pressed", "false");
    button.append(image, make("span", { class: "sample-outcome", "aria-hidden": "true" }, sign));
    onPress(button, () => void this.#takeSample(sample));
    return button;
  }
}

function messageOf(error: unknown): string {
  return error instanceof PictureProblem ? error.message : text.url.unreachable;
}
