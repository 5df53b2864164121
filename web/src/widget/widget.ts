/** What an element does: it brings together what the author asked for, what people do, the session, and what is shown. */

import { NUMBER_OPTIONS, type OptionValues } from "../element/options.js";
import { ClipTtlError } from "../errors.js";
import type { EpisodeReport, ImageInput, TtlOptions } from "../types.js";
import { answerOf } from "./answer.js";
import { Asking } from "./asking.js";
import { effectOf } from "./attributes.js";
import { tell } from "./events.js";
import { hiddenParts } from "./hidden-parts.js";
import { Inputs } from "./inputs.js";
import { languageOf, stringsFor } from "./language.js";
import { Narrator } from "./narrator.js";
import type { ShownPicture } from "./picture.js";
import { PictureHolder } from "./picture-holder.js";
import { PictureWait } from "./picture-wait.js";
import type { Poster } from "./poster.js";
import { PosterHolder } from "./poster-holder.js";
import { ProblemDesk } from "./problem-desk.js";
import { RecordedRun } from "./recorded-run.js";
import type { ReflectedElement } from "./reflected-element.js";
import { savesData } from "./saves-data.js";
import { Session } from "./session.js";
import { sharedEngines } from "./shared-engines.js";
import { deviceWords, shareOfLoad, shareOfRun } from "./status-line.js";
import { StepRuns, type Caller } from "./step-runs.js";
import { english, type ElementStrings, type Words } from "./strings.js";
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
  readonly #recorded: RecordedRun;
  readonly #inputs: Inputs;
  readonly #asking: Asking;
  readonly #problems: ProblemDesk;
  readonly #visibility: Visibility;
  readonly #narrator: Narrator;
  readonly #wait = new PictureWait(() => this.#show());
  readonly #steps: StepRuns;
  #strings: ElementStrings = english;
  #view: WidgetView;
  #hasAutorun = false;
  #resting: ReturnType<typeof setTimeout> | undefined;

  constructor(host: ReflectedElement, root: ShadowRoot) {
    this.#host = host;
    this.#root = root;
    this.#visibility = new Visibility(host, () => this.#begin());
    this.#steps = new StepRuns({ host, run: (caller) => this.run(caller), isRunning: () => this.#isRunning });
    this.#narrator = new Narrator({ strings: () => this.#strings, announce: (words) => this.#view.announce(words) });
    this.#holder = new PictureHolder({
      pictureChanged: (picture) => this.#pictureChanged(picture),
      pictureDescribed: (picture) => this.#view.showPicture(picture),
      pictureRefused: (error) => this.#problems.report(error, this.#holder.picture === null ? undefined : ({ widget }) => ` ${widget.picture.kept}`),
      pictureReplaced: () => this.#wantPicture({ anew: true }),
    });
    this.#recording = new PosterHolder({
      posterCame: (poster) => this.#showPoster(poster),
      posterFailed: (error) => {
        // What begins now is not what went wrong.
        this.#begin();
        this.#problems.report(error);
      },
    });
    this.#inputs = new Inputs(host, this.#recording);
    this.#recorded = new RecordedRun({
      host,
      holder: this.#recording,
      present: () => this.#inputs.present(this.#view.picture.slotted),
      report: () => this.#session.knowledge.report,
      recall: (report) => {
        this.#narrator.note = ({ widget }) => widget.status.poster;
        this.#session.recall(report);
      },
      forget: () => this.#forget(),
    });
    this.#problems = new ProblemDesk({
      host,
      strings: () => this.#strings,
      view: () => this.#view,
      say: (words) => this.#narrator.say(() => words),
      again: () => this.#again(),
    });
    this.#asking = new Asking({ host, inputs: this.#inputs, holder: this.#holder, problems: this.#problems, view: () => this.#view });
    this.#session = new Session(sharedEngines, {
      changed: () => this.#show(),
      began: () => this.#problems.clear(),
      loading: (load) => tell(host, "progress", { phase: "load", share: shareOfLoad(load), load }),
      progressed: (run) => tell(host, "progress", { phase: "run", share: shareOfRun(run, this.#plannedSteps), run }),
      classified: () => this.#narrator.say(this.#answer),
      stepped: (step) => tell(host, "step", { step, steps: this.#plannedSteps, labels: this.labels }),
      finished: (report) => this.#finish(report),
      failed: (error) => {
        this.#steps.failed();
        if (error.code !== "cancelled") this.#problems.report(error);
      },
    });
    this.#view = this.#build();
  }

  /** The report of the last run of the present picture and labels, or null. */
  get result(): EpisodeReport | null {
    const { report } = this.#session.knowledge;
    return this.#isRunning || this.#recorded.has(report) ? null : report;
  }

  /** The labels that are asked about: as typed, else as the attribute says, else the recorded run's. */
  get labels(): readonly string[] {
    return this.#inputs.labels;
  }

  get image(): ImageInput | null {
    return this.#holder.given;
  }

  set image(input: ImageInput | null) {
    this.#give(input);
  }

  get options(): TtlOptions {
    return this.#inputs.options;
  }

  set options(options: TtlOptions) {
    this.#inputs.options = options;
    this.#problems.settingsChanged();
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
    this.#wait.callOff();
    this.#session.leave();
  }

  /** Heeded at once, even while the element is in no document: what was known is about what the attributes said before. */
  attributeChanged(name: string): void {
    switch (effectOf(name)) {
      case "engine":
        this.#session.leave();
        this.#forget();
        this.#settingsChanged();
        break;
      case "question":
        this.#inputs.typed = null;
        this.#showQuestion();
        this.#forget();
        break;
      case "picture":
        this.#inputs.given = null;
        break;
      case "settings":
        this.#problems.settingsChanged();
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
    return this.#view.picture.take(data);
  }

  async run({ takesFocus = false }: Caller = {}): Promise<EpisodeReport> {
    this.#recorded.dismiss();
    this.#wantPicture();
    if (this.#holder.isReading) this.#narrator.say(({ widget }) => widget.status.picture);
    await this.#wait.until(this.#holder);
    const question = this.#asking.checked(takesFocus);
    // Nothing need begin by itself any more.
    clearTimeout(this.#resting);
    this.#hasAutorun = true;
    this.#narrator.note = null;
    this.#narrator.say(({ widget }) => widget.announce.running);
    return this.#session.run(this.#inputs.engine, question, this.#inputs.run);
  }

  /** One update more than there are now. The run begins anew: with the same seed its first updates are the same ones. */
  async step(caller: Caller = {}): Promise<EpisodeReport> {
    const steps = (this.#session.knowledge.report?.steps.length ?? 0) + 1;
    const most = NUMBER_OPTIONS.find((option) => option.name === "steps")?.max ?? steps;
    if (steps > most) {
      this.#tellNote(({ widget }) => widget.status.noMoreSteps(most));
      throw new ClipTtlError("option-invalid", `a run makes ${most} steps at most`, { option: "steps" });
    }
    return this.#steps.to(steps, caller);
  }

  cancel(): void {
    const wasRunning = this.#isRunning;
    this.#wait.callOff();
    this.#session.cancel();
    if (wasRunning) this.#tellNote(({ widget }) => widget.status.cancelled);
  }

  reset(): void {
    this.#recorded.dismiss();
    this.#wait.callOff();
    this.#session.reset();
    this.#tellNote(({ widget }) => widget.status.reset);
  }

  /** Whether a run was asked for and has not ended, be it that it waits for its picture. */
  get #isRunning(): boolean {
    return this.#wait.isWaiting || this.#session.isRunning;
  }

  get #plannedSteps(): number {
    const { activity } = this.#session;
    return activity.kind === "running" ? activity.steps : this.#inputs.values.steps;
  }

  get #answer(): Words {
    return answerOf(this.labels, this.#session.knowledge);
  }

  #build(): WidgetView {
    const use = (act: () => unknown): (() => void) => {
      return () => {
        this.#narrator.isHeard = true;
        // What goes wrong is shown, and told by an event.
        Promise.resolve(act()).catch(() => undefined);
      };
    };
    const view = new WidgetView(this.#strings, {
      pictureGiven: (picture) => use(() => this.#give(picture, { alt: "" }))(),
      questionEdited: use(() => this.#edited()),
      settingsChanged: (values) => this.#takeControls(values),
      run: use(() => this.run({ takesFocus: true })),
      step: use(() => this.step({ takesFocus: true })),
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
    this.#problems.showAgain();
  }

  /** Does what may be done by itself: shows the picture or the recorded run; loads the engine, asks it, adapts. */
  #begin(): void {
    const { loading, autorun } = this.#host;
    if (!this.#host.isConnected || (loading !== "eager" && !this.#visibility.isNear)) return;
    this.#recorded.want();
    this.#wantPicture();
    // A picture that is on its way may turn out to be none.
    if (!this.#holder.isReading) this.#recorded.settle();
    if (this.#recording.isShown || loading === "manual" || savesData()) return;
    const question = this.#asking.question;
    if (question === null) void this.#session.load(this.#inputs.engine);
    else if (autorun && !this.#hasAutorun && !this.#wait.isWaiting) {
      this.#hasAutorun = true;
      this.run().catch(() => undefined);
    } else void this.#session.classify(this.#inputs.engine, question);
  }

  #wantPicture(options: { readonly anew?: boolean } = {}): void {
    this.#holder.want(this.#inputs.picture(this.#view.picture.slotted), options);
  }

  #showPoster(poster: Poster): void {
    this.#showQuestion();
    this.#settingsChanged();
    this.#wantPicture();
    this.#recorded.show(poster);
    this.#begin();
  }

  /** What the attribute says is about the author's picture: one that a person gives has no words. */
  #give(input: File | ImageInput | null, { alt }: { readonly alt?: string } = {}): void {
    const name = input instanceof File && input.name === "" ? { name: this.#strings.widget.picture.pasted } : {};
    this.#inputs.given = input === null ? null : { input, alt, ...name };
    this.#view.picture.showBusy(true);
    this.#recorded.dismiss();
    // The same canvas, say, may show something else by now.
    this.#wantPicture({ anew: input !== null });
    void this.#holder.settled().then(() => this.#view.picture.showBusy(false));
  }

  #pictureChanged(picture: ShownPicture | null): void {
    this.#view.showPicture(picture);
    this.#problems.clear();
    if (this.#recorded.isAsAsked) this.#show();
    else this.#forget();
    if (picture !== null) this.#narrator.say(({ widget }) => widget.picture.taken(picture.name));
    this.#begin();
  }

  #edited(): void {
    const { question } = this.#view;
    this.#inputs.typed = { labels: question.labels, template: question.template };
    this.#recorded.dismiss();
    this.#problems.questionChanged();
    question.showProblems();
    this.#forget();
    this.#resting = setTimeout(() => this.#begin(), REST_MS);
  }

  #showQuestion(): void {
    this.#problems.questionChanged();
    this.#view.question.set(this.labels, this.#inputs.template);
  }

  /** What was known, and what went wrong, was about another picture, or other labels. */
  #forget(): void {
    clearTimeout(this.#resting);
    this.#narrator.note = null;
    this.#problems.clear();
    this.#session.forget();
  }

  #settingsChanged(): void {
    this.#view.showSettings(this.#inputs.values);
    this.#show();
  }

  #takeControls(values: OptionValues): void {
    if (!this.#inputs.take(values)) return;
    this.#problems.settingsChanged();
    this.#narrator.isHeard = true;
    this.#show();
  }

  #show(): void {
    const { activity, knowledge, device } = this.#session;
    const isRunning = this.#isRunning;
    const values = this.#inputs.values;
    const { run } = this.#view;
    run.setEnabled({ isRunning, canReset: knowledge.steps.length > 0 });
    run.showStatus(this.#narrator.status(activity, this.#wait.isWaiting));
    run.showDevice(deviceWords(device, this.#strings));
    this.#view.show({ labels: this.labels, knowledge, plannedSteps: this.#plannedSteps, plannedViews: values.views, isRunning });
  }

  #finish(report: EpisodeReport): void {
    this.#steps.finished();
    this.#narrator.sayResult(report, this.#answer);
    this.#show();
    tell(this.#host, "result", { report });
  }

  /** Another try, after something went wrong. */
  #again(): void {
    this.#holder.retry();
    if (this.#asking.question === null) this.#begin();
    else this.#steps.again({ takesFocus: true }).catch(() => undefined);
  }

  #tellNote(words: Words): void {
    this.#narrator.note = words;
    this.#problems.clear();
    this.#show();
    this.#narrator.say(words);
  }
}
