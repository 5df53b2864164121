/** What an element does: it brings together what the author asked for, what people do, the session, and what is shown. */

import { sameItems } from "../element/dom.js";
import { formatNats } from "../element/format.js";
import { NUMBER_OPTIONS, type OptionValues } from "../element/options.js";
import { cancelled, ClipTtlError } from "../errors.js";
import type { EpisodeReport, ImageInput, TtlOptions } from "../types.js";
import { answerText } from "./answer.js";
import { effectOf } from "./attributes.js";
import { tell } from "./events.js";
import { hiddenParts } from "./hidden-parts.js";
import { Inputs } from "./inputs.js";
import { languageOf, stringsFor } from "./language.js";
import type { ShownPicture } from "./picture.js";
import { PictureHolder } from "./picture-holder.js";
import type { Poster } from "./poster.js";
import { PosterHolder } from "./poster-holder.js";
import { ProblemDesk } from "./problem-desk.js";
import { missingFor, questionOf, type Asked } from "./question.js";
import type { ReflectedElement } from "./reflected-element.js";
import { savesData } from "./saves-data.js";
import { Session, type Question } from "./session.js";
import { sharedEngines } from "./shared-engines.js";
import { deviceWords, shareOfLoad, shareOfRun, statusOf } from "./status-line.js";
import { english, type ElementStrings } from "./strings.js";
import { fitToPage } from "./styling.js";
import { Visibility } from "./visibility.js";
import { WidgetView } from "./widget-view.js";

/** Typing has to rest this long before the labels are compared again. */
const REST_MS = 400;

export class Widget {
  readonly #host: ReflectedElement;
  readonly #root: ShadowRoot;
  readonly #session: Session;
  readonly #holder: PictureHolder;
  readonly #recording: PosterHolder;
  readonly #inputs: Inputs;
  readonly #problems: ProblemDesk;
  readonly #visibility: Visibility;
  #strings: ElementStrings = english;
  #view: WidgetView;
  /** Whether a person has used the element: only then it speaks. */
  #isUsed = false;
  #hasAutorun = false;
  /** Counts runs and their ends, so that one that waits for its picture can be called off. */
  #turn = 0;
  #result: EpisodeReport | null = null;
  #note = "";
  #resting: ReturnType<typeof setTimeout> | undefined;

  constructor(host: ReflectedElement, root: ShadowRoot) {
    this.#host = host;
    this.#root = root;
    this.#visibility = new Visibility(host, () => this.#begin());
    this.#holder = new PictureHolder({
      pictureChanged: (picture) => this.#pictureChanged(picture),
      pictureDescribed: (picture) => this.#view.showPicture(picture),
      pictureRefused: (error) => this.#problems.report(error, this.#holder.picture === null ? "" : ` ${this.#strings.widget.picture.kept}`),
    });
    this.#recording = new PosterHolder({
      posterCame: (poster) => this.#showPoster(poster),
      posterFailed: (error) => {
        this.#problems.report(error);
        this.#begin();
      },
    });
    this.#inputs = new Inputs(host, this.#recording);
    this.#problems = new ProblemDesk({
      host,
      strings: () => this.#strings,
      view: () => this.#view,
      say: (words) => this.#say(words),
      again: () => this.#again(),
    });
    this.#session = new Session(sharedEngines, {
      changed: () => this.#show(),
      loading: (load) => tell(host, "progress", { phase: "load", share: shareOfLoad(load), load }),
      progressed: (run) => tell(host, "progress", { phase: "run", share: shareOfRun(run, this.#plannedSteps), run }),
      classified: () => this.#say(this.#answer),
      stepped: (step) => tell(host, "step", { step, steps: this.#plannedSteps, labels: this.labels }),
      finished: (report) => this.#finish(report),
      failed: (error) => {
        if (error.code !== "cancelled") this.#problems.report(error);
      },
    });
    this.#view = this.#build();
  }

  /** The report of the last run of the present picture and labels, or null. */
  get result(): EpisodeReport | null {
    return this.#result;
  }

  /** The labels that are asked about: as typed, else as the attribute says, else the recorded run's. */
  get labels(): readonly string[] {
    return this.#inputs.labels;
  }

  get image(): ImageInput | null {
    return this.#holder.picture?.input ?? null;
  }

  set image(input: ImageInput | null) {
    this.#give(input);
  }

  get options(): TtlOptions {
    return this.#inputs.options;
  }

  set options(options: TtlOptions) {
    this.#inputs.options = { ...options };
    this.#settingsChanged();
  }

  connected(): void {
    if (!this.languageMayHaveChanged()) this.#refresh();
    this.#visibility.watch();
    this.#begin();
  }

  /** The element has left the page for good. */
  left(): void {
    this.#visibility.ignore();
    clearTimeout(this.#resting);
    this.#recording.leave();
    this.#turn += 1;
    this.#session.leave();
  }

  attributeChanged(name: string): void {
    switch (effectOf(name)) {
      case "engine":
        this.#session.leave();
        this.#forget();
        this.#settingsChanged();
        break;
      case "question":
        this.#inputs.typed = null;
        this.#view.question.set(this.labels, this.#inputs.template);
        this.#forget();
        break;
      case "picture":
        this.#inputs.given = null;
        break;
      case "settings":
        this.#settingsChanged();
        return;
      case "parts":
        this.#view.hide(hiddenParts(this.#host), this.#host.compact);
        return;
      case "language":
        this.languageMayHaveChanged();
        return;
    }
    this.#begin();
  }

  /** Speaks the language of the place where the element is now; whether it is another one than before. */
  languageMayHaveChanged(): boolean {
    const strings = stringsFor(languageOf(this.#host));
    if (strings === this.#strings) return false;
    this.#strings = strings;
    const old = this.#view;
    this.#view = this.#build();
    if (old.hasOpenSettings) this.#view.openSettings();
    old.element.remove();
    this.#refresh();
    return true;
  }

  /** Takes a picture from the clipboard; whether there was one. */
  paste(data: DataTransfer | null): boolean {
    return !hiddenParts(this.#host).has("picture") && this.#view.picture.take(data);
  }

  async run(): Promise<EpisodeReport> {
    this.#recording.dismiss(this.#host.poster);
    this.#turn += 1;
    const turn = this.#turn;
    this.#wantPicture();
    await this.#holder.arrival;
    if (turn !== this.#turn) throw cancelled("The run");
    const question = this.#checkedQuestion();
    const former = this.#result;
    this.#note = "";
    this.#result = null;
    this.#view.run.clearProblem();
    this.#say(this.#strings.widget.announce.running);
    try {
      return await this.#session.run(this.#inputs.engine, question, this.#inputs.run);
    } catch (error) {
      // What is shown again is the result again.
      if (this.#session.knowledge.report === former) this.#result = former;
      throw error;
    }
  }

  /** One update more than there are now. The run begins anew: with the same seed its first updates are the same ones. */
  async step(): Promise<EpisodeReport> {
    const steps = (this.#result?.steps.length ?? 0) + 1;
    const most = NUMBER_OPTIONS.find((option) => option.name === "steps")?.max ?? steps;
    if (steps > most) {
      this.#tellNote(this.#strings.widget.status.noMoreSteps(most));
      throw new ClipTtlError("option-invalid", `a run makes ${most} steps at most`, { option: "steps" });
    }
    this.#host.steps = steps;
    return this.run();
  }

  cancel(): void {
    this.#turn += 1;
    const wasRunning = this.#session.isRunning;
    this.#session.cancel();
    if (wasRunning) this.#tellNote(this.#strings.widget.status.cancelled);
  }

  reset(): void {
    this.#recording.dismiss(this.#host.poster);
    this.#session.reset();
    this.#result = null;
    this.#tellNote(this.#strings.widget.status.reset);
  }

  get #plannedSteps(): number {
    const { activity } = this.#session;
    return activity.kind === "running" ? activity.steps : this.#inputs.values.steps;
  }

  get #answer(): string {
    const { before, steps } = this.#session.knowledge;
    return answerText({ labels: this.labels, before, after: steps.at(-1)?.prediction ?? null, updates: steps.length }, this.#strings);
  }

  #build(): WidgetView {
    const use = (act: () => unknown): (() => void) => {
      return () => {
        this.#isUsed = true;
        // What goes wrong is shown, and told by an event.
        Promise.resolve(act()).catch(() => undefined);
      };
    };
    const view = new WidgetView(this.#strings, {
      pictureGiven: (picture) => use(() => this.#give(picture))(),
      questionEdited: use(() => this.#edited()),
      settingsChanged: (values) => this.#takeControls(values),
      run: use(() => this.run()),
      step: use(() => this.step()),
      cancel: use(() => this.cancel()),
      reset: use(() => this.reset()),
    });
    view.picture.slot.addEventListener("slotchange", () => this.#begin());
    this.#root.append(view.element);
    return view;
  }

  /** Puts everything that is known into the view. */
  #refresh(): void {
    fitToPage(this.#host, this.#view.element);
    this.#view.hide(hiddenParts(this.#host), this.#host.compact);
    this.#view.showPicture(this.#holder.picture);
    this.#view.question.set(this.labels, this.#inputs.template);
    this.#settingsChanged();
  }

  /** Does what may be done by itself: shows the picture or the recorded run; loads the engine, asks it, adapts. */
  #begin(): void {
    const { loading, autorun } = this.#host;
    if (!this.#host.isConnected || (loading !== "eager" && !this.#visibility.isNear)) return;
    this.#recording.name(this.#host.poster);
    this.#recording.fetch();
    this.#wantPicture();
    if (this.#recording.isShown || loading === "manual" || savesData()) return;
    const question = this.#question;
    if (question === null) void this.#session.load(this.#inputs.engine);
    else if (autorun && !this.#hasAutorun) {
      this.#hasAutorun = true;
      this.run().catch(() => undefined);
    } else void this.#session.classify(this.#inputs.engine, question);
  }

  #wantPicture(): void {
    const slotted = this.#view.picture.slot.assignedElements().find((element) => element.localName === "img");
    this.#holder.want(this.#inputs.picture((slotted as HTMLImageElement | undefined) ?? null));
  }

  #showPoster(poster: Poster): void {
    this.#view.question.set(this.labels, this.#inputs.template);
    this.#settingsChanged();
    this.#wantPicture();
    // Labels of the author's own are not what was recorded.
    if (!sameItems(this.labels, poster.report.labels)) return;
    this.#note = this.#strings.widget.status.poster;
    this.#session.recall(poster.report);
  }

  #give(input: File | ImageInput | null): void {
    const name = input instanceof File && input.name === "" ? { name: this.#strings.widget.picture.pasted } : {};
    this.#inputs.given = input === null ? null : { input, alt: "", ...name };
    this.#view.picture.showBusy(true);
    this.#recording.dismiss(this.#host.poster);
    this.#wantPicture();
    void this.#holder.arrival.finally(() => this.#view.picture.showBusy(false));
  }

  #pictureChanged(picture: ShownPicture | null): void {
    this.#view.showPicture(picture);
    this.#view.run.clearProblem();
    const isRecorded = this.#recording.isShown && picture !== null;
    if (!isRecorded) this.#forget();
    else this.#show();
    if (picture !== null) this.#say(this.#strings.widget.picture.taken(picture.name));
    this.#begin();
  }

  #edited(): void {
    const { question } = this.#view;
    this.#inputs.typed = { labels: question.labels, template: question.template };
    this.#recording.dismiss(this.#host.poster);
    question.showProblems();
    this.#forget();
    this.#resting = setTimeout(() => this.#begin(), REST_MS);
  }

  /** What was known was about another picture, or other labels. */
  #forget(): void {
    clearTimeout(this.#resting);
    this.#note = "";
    this.#result = null;
    this.#session.forget();
  }

  get #asked(): Asked {
    return { picture: this.#holder.picture, labels: this.labels, template: this.#inputs.template };
  }

  get #question(): Question | null {
    return questionOf(this.#asked);
  }

  /** What can be adapted to; where something is missing, that is said, and the focus put there if somebody waits for it. */
  #checkedQuestion(): Question {
    const missing = missingFor(this.#asked, this.#strings);
    if (missing !== null) throw this.#problems.refuse(missing, this.#isUsed);
    const invalid = this.#view.controls.firstInvalid;
    if (invalid !== null && this.#host.controls) throw this.#problems.refuseSetting(invalid, this.#isUsed);
    const question = this.#question;
    if (question === null) throw new ClipTtlError("argument-invalid", "there is nothing to ask");
    return question;
  }

  #settingsChanged(): void {
    const values = this.#inputs.values;
    const shown = this.#view.controls.values;
    const isSame = Object.entries(values).every(([name, value]) => shown[name as keyof OptionValues] === value);
    if (!isSame) this.#view.controls.set(values);
    this.#show();
  }

  #takeControls(values: OptionValues): void {
    if (!this.#inputs.take(values)) return;
    this.#isUsed = true;
    this.#show();
  }

  #show(): void {
    const { activity, knowledge, isRunning, device } = this.#session;
    const values = this.#inputs.values;
    const { run } = this.#view;
    run.setEnabled({ isRunning, canReset: knowledge.steps.length > 0 });
    run.showStatus(statusOf(activity, this.#strings) ?? { words: this.#note, share: undefined });
    run.showDevice(deviceWords(device, this.#strings));
    this.#view.show({ labels: this.labels, knowledge, plannedSteps: this.#plannedSteps, plannedViews: values.views, isRunning });
  }

  #finish(report: EpisodeReport): void {
    const text = this.#strings.widget;
    this.#result = report;
    this.#note = text.status.done(report.steps.length, report.timingMs.total, report.device === "cpu");
    this.#show();
    const entropy = report.steps.at(-1)?.predictionEntropy ?? report.beforeEntropy;
    this.#say(`${this.#answer} ${text.announce.entropy(formatNats(report.beforeEntropy), formatNats(entropy))}`);
    tell(this.#host, "result", { report });
  }

  /** Another try, after something went wrong. */
  #again(): void {
    this.#holder.retry();
    if (this.#question === null) this.#begin();
    else this.run().catch(() => undefined);
  }

  #tellNote(words: string): void {
    this.#note = words;
    this.#show();
    this.#say(words);
  }

  #say(words: string): void {
    if (this.#isUsed) this.#view.announce(words);
  }
}
