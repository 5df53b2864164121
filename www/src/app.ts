/** What the page knows and does: one picture, one list of labels, one answer before and one after. */

import type { AdaptRun, ClipTtl, EpisodeReport, StepReport, Warning } from "clip-ttl";
import { defaultValues, entropyOf, formatNats, formatPercent, toAdaptOptions, type OptionValues } from "clip-ttl/element";
import { Announcer } from "./announcer.js";
import { DemoLink } from "./demo-link.js";
import { EngineHost, savesData, type EngineState } from "./engine-host.js";
import { emptyEpisode, sameBut, type Episode } from "./episode.js";
import { LabelsPanel, type Question } from "./labels-panel.js";
import { ModelDesk } from "./model-desk.js";
import { PageAddress } from "./page-address.js";
import { byId } from "./page-dom.js";
import { PicturePanel } from "./picture-panel.js";
import type { LoadedPicture } from "./picture-source.js";
import { messageOf, placeOf, wayOutOf } from "./problems.js";
import { best, Results } from "./results.js";
import { RunPanel } from "./run-panel.js";
import { readRunForm } from "./run-request.js";
import type { Sample } from "./samples.js";
import { SettingsPanel } from "./settings-panel.js";
import { text } from "./strings.js";

/** Typing has to rest this long before the labels are compared again. */
const REST_MS = 400;

export class App {
  readonly #announcer = new Announcer(byId("announcer", HTMLElement));
  readonly #results = new Results();
  readonly #settings: SettingsPanel;
  readonly #labels: LabelsPanel;
  readonly #pictures: PicturePanel;
  readonly #panel: RunPanel;
  readonly #host: EngineHost;
  readonly #models: ModelDesk;
  readonly #address: PageAddress;

  #picture: LoadedPicture | null = null;
  #before: readonly number[] | null = null;
  #beforeEntropy: number | null = null;
  /** Of the answer without adaptation; a run's are in its report. */
  #warnings: readonly Warning[] = [];
  #episode: Episode = emptyEpisode(defaultValues());
  /** The finished episode before the present run: it comes back when the run is cancelled or fails. */
  #kept: Episode | null = null;
  /** Whether a run was asked for and has not ended; it may still wait for the engine. */
  #isAdapting = false;
  /** Whether the present run was begun by Step: called off, it takes its additional step back. */
  #isContinuing = false;
  #run: AdaptRun | null = null;
  #isShowing = false;
  /** Why the last run was stopped: said until there is another answer. Empty where none was. */
  #stopReason = "";
  /** Counts what was asked of the engine, so that a late answer to an old question is dropped. */
  #turn = 0;
  #resting: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#panel = new RunPanel({
      run: () => void this.#adapt(),
      step: () => this.#stepOnce(),
      cancel: () => this.#cancel(),
      reset: () => this.#reset(),
    });
    this.#host = new EngineHost((state) => this.#showEngine(state));
    this.#models = new ModelDesk(this.#host, this.#announcer, {
      isRunning: () => this.#isAdapting,
      modelChanges: (former, change) => this.#modelChanges(former, change),
      modelLinked: () => this.#address.changed(),
    });
    this.#settings = new SettingsPanel((values) => this.#optionsChanged(values));
    this.#labels = new LabelsPanel({ labelsChanged: () => this.#inputChanged() });
    this.#pictures = new PicturePanel({ pictureChanged: (picture, sample) => this.#pictureChanged(picture, sample) });
    this.#address = new PageAddress(new DemoLink({ pictures: this.#pictures, labels: this.#labels, controls: this.#settings.controls }));
    this.#optionsChanged(this.#settings.values);
    this.#show();
  }

  /** Fetches the samples, and the engine once the page has been painted; on metered connections only when it is needed. */
  start(): void {
    void this.#address.follow();
    void this.#models.start();
    if (savesData()) {
      this.#panel.showStatus(text.status.savingData);
      return;
    }
    const load = (): void => void this.#host.ready().then(() => this.#classify(), () => undefined);
    // Safari has no requestIdleCallback.
    if ("requestIdleCallback" in window) requestIdleCallback(load, { timeout: 1500 });
    else setTimeout(load, 200);
  }

  #pictureChanged(picture: LoadedPicture | null, sample: Sample | null): void {
    this.#picture = picture;
    if (picture !== null) this.#address.pictureChosen();
    if (sample !== null) this.#labels.suggest(sample.labels);
    this.#inputChanged(0);
  }

  #inputChanged(restMs = REST_MS): void {
    if (this.#isAdapting) {
      this.#stopReason = text.status.inputsChanged;
      this.#panel.showStatus(this.#stopReason);
      this.#announcer.say(this.#stopReason);
    }
    this.#results.forgetFormer();
    this.#forgetAnswers();
    this.#resting = setTimeout(() => void this.#classify(), restMs);
    this.#address.changed();
  }

  /** The same picture and labels, asked of another model. What the one before said stays as a note beside the new answer. */
  #modelChanges(former: string, change: () => void): void {
    if (former !== "") this.#results.keepAsFormer(former);
    this.#forgetAnswers();
    change();
    void this.#classify();
  }

  #forgetAnswers(): void {
    clearTimeout(this.#resting);
    this.#stopRun();
    this.#kept = null;
    this.#episode = emptyEpisode(this.#settings.values);
    this.#before = null;
    this.#beforeEntropy = null;
    this.#warnings = [];
    this.#showButtons();
    this.#show();
  }

  #optionsChanged(values: OptionValues): void {
    if (!this.#isAdapting && this.#episode.steps.length === 0) {
      this.#episode = emptyEpisode(values);
      this.#show();
    }
    if (this.#host.useDevice(values.device)) this.#loadAgain();
    this.#models.deviceMayHaveChanged();
    this.#address.changed();
  }

  /** Loads the engine on the chosen device, keeping everything that was entered and found. */
  #loadAgain(andThen?: () => void): void {
    const wasAdapting = this.#isAdapting;
    this.#stopRun();
    if (wasAdapting) this.#goBack();
    this.#panel.clearProblem();
    this.#host.ready().then(
      () => (andThen === undefined ? void this.#classify() : andThen()),
      () => undefined,
    );
  }

  /** The zero-shot answer, as soon as there are a picture, labels and a model. */
  async #classify(): Promise<void> {
    const picture = this.#picture;
    if (picture === null || this.#before !== null || this.#isAdapting || this.#host.state.kind !== "ready") {
      this.#showRest();
      return;
    }
    const question = this.#labels.question;
    if (question === null) {
      this.#showRest();
      return;
    }
    this.#turn += 1;
    const turn = this.#turn;
    this.#showUnanswered(text.status.classifying, null);
    try {
      const clip = await this.#host.ready();
      const warnings: Warning[] = [];
      const scores = await clip.classify(picture.blob, [...question.labels], {
        template: question.template,
        onWarning: (warning) => warnings.push(warning),
        onProgress: ({ labelsDone, labelsTotal }) => {
          if (turn === this.#turn) this.#showUnanswered(text.status.readingLabels(labelsDone, labelsTotal), null);
        },
      });
      if (turn !== this.#turn) return;
      const scoreOf = new Map(scores.map(({ label, score }) => [label, score]));
      this.#before = question.labels.map((label) => scoreOf.get(label) ?? 0);
      this.#beforeEntropy = entropyOf(this.#before);
      this.#warnings = warnings;
      this.#stopReason = "";
      this.#pictures.accept();
      this.#show();
      this.#showRest();
      const top = best(question.labels, this.#before);
      if (top !== null) this.#announcer.say(text.announce.classified(top.label, formatPercent(top.probability)));
    } catch (error) {
      if (turn === this.#turn) this.#fail(error, () => void this.#classify());
    }
  }

  /** One update more than there are now. The run begins anew: with the same seed its first updates are the same ones. */
  #stepOnce(): void {
    const done = this.#episode.report === null ? 0 : this.#episode.steps.length;
    const before = this.#settings.values;
    if (!this.#settings.controls.trySet("steps", done + 1)) {
      this.#panel.showStatus(text.status.noMoreSteps(done));
      return;
    }
    const isContinued = done > 0 && sameBut("steps", this.#episode.values, before);
    void this.#adapt(isContinued);
  }

  /** Runs an episode with the present settings. A continued one keeps the old curve until the new one has passed it. */
  async #adapt(isContinued = false): Promise<void> {
    const request = readRunForm(this.#picture, {
      pictures: this.#pictures,
      labels: this.#labels,
      settings: this.#settings,
      onInvalidSetting: () => this.#panel.showStatus(text.settings.fix),
    });
    if (request === null) return;
    clearTimeout(this.#resting);
    this.#turn += 1;
    const turn = this.#turn;
    this.#isAdapting = true;
    this.#isContinuing = isContinued;
    this.#stopReason = "";
    this.#kept = this.#episode.report === null ? null : this.#episode;
    this.#panel.clearProblem();
    this.#showButtons();
    this.#announcer.say(text.announce.running);
    if (this.#host.state.kind !== "ready") this.#panel.showStatus(text.status.queued, null);
    try {
      const clip = await this.#host.ready();
      if (turn !== this.#turn) return;
      const report = await this.#follow(clip, request.picture, request.question, isContinued, turn);
      if (turn === this.#turn) this.#finish(report);
    } catch (error) {
      if (turn === this.#turn) this.#fail(error, () => (isContinued ? this.#stepOnce() : void this.#adapt()));
    }
  }

  /** Starts a run and shows what it says until it ends. */
  async #follow(clip: ClipTtl, picture: LoadedPicture, question: Question, isContinued: boolean, turn: number): Promise<EpisodeReport> {
    const { values } = this.#settings;
    const isCurrent = (): boolean => turn === this.#turn;
    const old = isContinued ? this.#episode.steps : [];
    const boxes = isContinued ? this.#episode.boxes : null;
    const fresh: StepReport[] = [];
    this.#panel.showStatus(text.status.running, null);
    this.#episode = { ...emptyEpisode(values), steps: old, boxes };
    this.#show();
    const run = clip.adapt(picture.blob, [...question.labels], {
      ...toAdaptOptions(values),
      template: question.template,
      onProgress: (progress) => {
        if (!isCurrent()) return;
        this.#panel.showProgress(progress);
        if (progress.stage === "drawn") this.#episode = { ...this.#episode, boxes: progress.views };
        else if (progress.stage === "encoding") this.#episode = { ...this.#episode, viewsEncoded: progress.viewsDone };
        else return;
        this.#show();
      },
    });
    this.#run = run;
    // A failure is told by the loop below.
    run.zeroShot.then(
      ({ probabilities, entropy }) => {
        if (!isCurrent()) return;
        this.#before = probabilities;
        this.#beforeEntropy = entropy;
        this.#pictures.accept();
        this.#show();
      },
      () => undefined,
    );
    for await (const step of run) {
      if (!isCurrent()) break;
      fresh.push(step);
      this.#panel.showStatus(text.status.stepDone(step.step, values.steps), step.step / values.steps);
      this.#episode = { ...this.#episode, steps: fresh.length < old.length ? old : [...fresh] };
      this.#show();
    }
    return run.result;
  }

  #finish(report: EpisodeReport): void {
    this.#run = null;
    this.#runEnded();
    this.#isContinuing = false;
    this.#kept = null;
    this.#episode = { ...this.#episode, report, steps: report.steps };
    this.#before = report.before.map((entry) => entry.probability);
    this.#beforeEntropy = report.beforeEntropy;
    this.#show();
    this.#showButtons();
    this.#showDone(report);
    const entropy = report.steps.at(-1)?.predictionEntropy ?? report.beforeEntropy;
    const words = this.#results.sentenceOf(report);
    this.#announcer.say(`${words} ${text.announce.entropy(formatNats(report.beforeEntropy), formatNats(entropy))}`);
  }

  #cancel(): void {
    const { cancelledEarly, cancelled, cancelledKept } = text.status;
    const message = this.#kept !== null ? cancelledKept : this.#before !== null ? cancelled : cancelledEarly;
    this.#stopRun();
    this.#goBack();
    this.#panel.showStatus(message);
    this.#announcer.say(message);
    if (this.#before === null) void this.#classify();
  }

  #reset(): void {
    this.#episode = emptyEpisode(this.#settings.values);
    this.#show();
    this.#showButtons();
    this.#panel.showStatus(text.status.reset);
    this.#announcer.say(text.status.reset);
  }

  /** Shows the finished episode from before the run that was stopped, or none. */
  #goBack(): void {
    if (this.#kept !== null && this.#isContinuing) this.#settings.controls.trySet("steps", this.#kept.values.steps);
    this.#isContinuing = false;
    this.#episode = this.#kept ?? emptyEpisode(this.#settings.values);
    this.#kept = null;
    this.#show();
    this.#showButtons();
  }

  /** Ends the present run, if there is one; whatever it still says is ignored. */
  #stopRun(): void {
    this.#turn += 1;
    this.#runEnded();
    const run = this.#run;
    this.#run = null;
    run?.cancel();
  }

  #runEnded(): void {
    this.#isAdapting = false;
    // A model that waits takes over, once what ended the run has been seen to.
    queueMicrotask(() => this.#models.runEnded());
  }

  /** Puts an error beside what caused it. Nothing that was entered or found is taken away. */
  #fail(error: unknown, again: () => void): void {
    const place = placeOf(error);
    const message = messageOf(error);
    this.#stopRun();
    this.#goBack();
    if (place.kind === "cancelled") return;
    this.#stopReason = "";
    this.#panel.showStatus(text.status.failed);
    switch (place.kind) {
      case "picture":
        this.#pictures.reject(message);
        break;
      case "labels":
        this.#labels.showLabelsProblem(message);
        break;
      case "template":
        this.#labels.showTemplateProblem(message);
        break;
      case "option":
        this.#settings.showError(place.option, message);
        break;
      case "engine":
        this.#host.discard();
        this.#offerWayOut(error, again);
        break;
      case "run":
        this.#panel.showProblem(message, text.engine.tryAgain, again);
        break;
    }
  }

  /** The engine can't go on: the CPU where the GPU failed, else another try. */
  #offerWayOut(error: unknown, again: () => void): void {
    const { device } = this.#settings.values;
    const { message, ofGpu, offersCpu } = wayOutOf(error, device);
    if (offersCpu && device === "webgpu") this.#settings.controls.showError("device", ofGpu);
    this.#panel.showDevice(text.device.notYet);
    this.#panel.showProblem(message, offersCpu ? text.engine.continueOnCpu : text.engine.tryAgain, () => {
      if (offersCpu) {
        this.#host.useDevice("cpu");
        this.#settings.controls.set({ device: "cpu" });
      }
      this.#loadAgain(again);
    });
  }

  #showEngine(state: EngineState): void {
    this.#models.engineChanged(state);
    this.#panel.showEngine(state);
    if (state.kind === "ready") {
      this.#announcer.say(text.announce.loaded(this.#models.announcedTitle, this.#panel.device));
      this.#showRest();
    } else if (state.kind === "failed") {
      this.#offerWayOut(state.error, () => void this.#classify());
    }
  }

  /** The status line while nothing is going on. */
  #showRest(): void {
    if (this.#host.state.kind !== "ready" || this.#isAdapting) return;
    const { report } = this.#episode;
    // Loading the engine again has put its own words there.
    if (report !== null) this.#showDone(report);
    else this.#showUnanswered(this.#picture === null ? text.status.readyNoPicture : text.status.ready);
  }

  /** The status line before there is an answer. */
  #showUnanswered(words: string, share?: null): void {
    this.#panel.showStatus(this.#stopReason === "" ? words : `${this.#stopReason} ${words}`, share);
  }

  #showDone({ steps, timingMs, device }: EpisodeReport): void {
    this.#panel.showStatus(text.status.done(steps.length, timingMs.total, text.device.ranOn(device)));
  }

  #showButtons(): void {
    this.#panel.setButtons({ isRunning: this.#isAdapting, canReset: !this.#isAdapting && this.#episode.steps.length > 0 });
  }

  /** Shows what is known once the present piece of work has ended, however often it was asked for. */
  #show(): void {
    if (this.#isShowing) return;
    this.#isShowing = true;
    queueMicrotask(() => {
      this.#isShowing = false;
      this.#results.show({
        labels: this.#labels.labels,
        picture: this.#picture?.source ?? null,
        before: this.#before,
        beforeEntropy: this.#beforeEntropy,
        warnings: this.#episode.report?.warnings ?? this.#warnings,
        ...this.#episode,
      });
    });
  }
}
