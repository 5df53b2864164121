/** What the lesson knows and does: a link, the run (or two) that it stands for, and the reader's wishes. */

import type { AdapterFiles } from "clip-ttl";
import { Controls, type OptionValues } from "clip-ttl/element";
import { Announcer } from "../announcer.js";
import { EngineHost, savesData } from "../engine-host.js";
import { LabelsPanel } from "../labels-panel.js";
import { isEmptyLink, OWN_PICTURE, readPageLink, type LinkedSettings, type PageLink, type ReadLink } from "../link.js";
import { LinkNote } from "../link-note.js";
import { chooseNamed } from "../model-choice.js";
import { readLink } from "../model-link.js";
import { byId } from "../page-dom.js";
import { DEFAULT_TEMPLATE } from "../presets.js";
import { messageOf, placeOf } from "../problems.js";
import { text } from "../strings.js";
import { AdapterPanel } from "./adapter-panel.js";
import { AddressBar } from "./address-bar.js";
import { unfoldChange } from "./change-block.js";
import { CompareForm } from "./compare-form.js";
import { saveExport } from "./exports.js";
import { LessonList } from "./lesson-list.js";
import { lessonRun, valuesOfReport, type LessonRun } from "./lesson-run.js";
import { lessonOf, LESSONS, recordingOf } from "./lessons.js";
import { Pictures, type LessonPicture } from "./pictures.js";
import { fetchRun, FileDoor } from "./recorded-runs.js";
import { sampleOf, type Recording } from "./recording.js";
import { RunBlock } from "./run-block.js";
import { type Export } from "./run-column.js";
import { Runner } from "./runner.js";
import { linkTo, otherSpec, valuesOf, type RunSpec } from "./spec.js";
import { Stage, type Which } from "./stage.js";
import { WalkHead } from "./walk-head.js";
import { words } from "./words.js";

/** What is on stage, or is to come there. */
interface Asked {
  readonly spec: RunSpec;
  /** What a second run differs in; null where there is none. */
  readonly other: LinkedSettings | null;
}

export class LessonPage {
  readonly #announcer = new Announcer(byId("announcer", HTMLElement));
  readonly #linkNote = new LinkNote(byId("link-note", HTMLElement));
  readonly #head = new WalkHead();
  readonly #address = new AddressBar();
  readonly #host = new EngineHost((state) => this.#block.showEngine(state));
  readonly #runner = new Runner(this.#host);
  readonly #block = new RunBlock({ run: () => void this.#runForm(), cancel: () => this.#cancel() });
  readonly #controls = new Controls(() => undefined);
  readonly #labels = new LabelsPanel({ labelsChanged: () => undefined });
  readonly #pictures = new Pictures((picture) => this.#ownPictureChosen(picture));
  readonly #compare = new CompareForm({ compare: (other) => void this.#runOther(other), removeOther: () => this.#removeOther() });
  readonly #adapters = new AdapterPanel({ adapterChosen: (files) => void this.#lookThrough(files), answered: (sentence) => this.#announcer.say(sentence) });
  readonly #stage: Stage;
  /** The run on stage, or the one that a link stands for and that isn't there yet; null while there is neither. */
  #spec: RunSpec | null = null;
  /** What its second run differs in, be that there yet or not; null where none is asked for. */
  #other: LinkedSettings | null = null;
  /** The state that the link asks for, until its run is there. */
  #linkedState: number | null = null;
  /** The picture of the run on stage; the one chosen for the next run may be another. */
  #onStage: LessonPicture | null = null;
  /** Counts what was asked for, so that what comes late is dropped. */
  #turn = 0;
  #usesOwnModel = false;
  /** Whether the reader is taken to the stage once the next link's run is there. */
  #goesToStage = false;

  constructor() {
    this.#stage = new Stage({
      moved: () => this.#showAddress(),
      stepped: (spoken) => this.#announcer.say(spoken),
      exportAsked: (which, what) => void this.#export(which, what),
    });
    byId("controls", HTMLElement).append(this.#controls.element);
    new FileDoor({
      recordingOpened: (recording, name) => this.#open(recording, name),
      pictureDropped: (file) => void this.#pictures.take(file, file.name || text.picture.pasted),
      adapterDropped: (files) => this.#adapters.takeDropped(files),
    });
    new LessonList((isInAddress) => {
      if (isInAddress) this.#goToStage();
      else this.#goesToStage = true;
    });
    this.#block.setRunning(false);
  }

  start(): void {
    void this.#takeModelOfLink();
    window.addEventListener("hashchange", () => {
      // A jump within the page has taken the link's place in the address.
      if (location.hash.includes("=")) void this.#follow(readPageLink(location.hash));
      else this.#showAddress();
    });
    void this.#follow(readPageLink(location.hash));
  }

  /** Shows what a link stands for: the recorded run, else the same computed here. */
  async #follow(link: ReadLink): Promise<void> {
    const turn = this.#begin();
    const goesToStage = this.#goesToStage;
    this.#goesToStage = false;
    const wanted: PageLink = isEmptyLink(link) ? readPageLink(LESSONS[0]?.hash ?? "") : link;
    const notes = link.notes.length === 0 ? [] : [text.link.ignored(link.notes)];
    const { problem } = readLink(location.search);
    if (problem !== "") notes.push(problem);
    const spec = await this.#complete(wanted, notes);
    if (turn !== this.#turn) return;
    this.#linkNote.show(notes, wanted.picture === OWN_PICTURE);
    this.#fillForm(spec);
    const asked: Asked = { spec, other: wanted.other };
    const second = secondOf(asked);
    const [picture, a, b] = await Promise.all([this.#pictureOf(spec), recorded(spec), second === null ? null : recorded(second)]);
    if (turn !== this.#turn) return;
    this.#put(asked, a, b, picture, wanted.state);
    if (goesToStage) this.#goToStage();
    if (a !== null && (second === null || b !== null)) return;
    this.#computeWhatIsMissing(asked, a, wanted.state);
  }

  /** A run that isn't recorded: computed at once where nobody would mind, else when the reader asks for it. */
  #computeWhatIsMissing(asked: Asked, a: LessonRun | null, state: number | null): void {
    const shown = this.#onStage;
    if (shown === null) {
      if (asked.spec.picture === OWN_PICTURE) unfoldChange();
      return;
    }
    if (this.#usesOwnModel || savesData()) {
      this.#head.showNote(words.run.press);
      return;
    }
    this.#head.showNote(words.run.waiting);
    const turn = this.#turn;
    const go = (): void => {
      // Whoever has asked for something else meanwhile gets that.
      if (turn === this.#turn) void this.#compute(asked, shown, { a, state });
    };
    // The page is painted first. Safari has no requestIdleCallback.
    if ("requestIdleCallback" in window) requestIdleCallback(go, { timeout: 1500 });
    else setTimeout(go, 200);
  }

  /** What a link leaves open: the first sample, a sample's labels. */
  async #complete({ picture, labels, template, settings }: PageLink, notes: string[]): Promise<RunSpec> {
    const first = readPageLink(LESSONS[0]?.hash ?? "");
    const file = picture ?? first.picture ?? "";
    const isSelfContained = labels !== null && LESSONS.some(({ hash }) => readPageLink(hash).picture === file);
    const sample = file === OWN_PICTURE || isSelfContained ? null : await this.#pictures.find(file);
    const isKnown = file === OWN_PICTURE || isSelfContained || sample !== null;
    if (!isKnown) notes.push(words.samples.unknown(file));
    return {
      picture: isKnown ? file : OWN_PICTURE,
      labels: labels ?? sample?.labels ?? first.labels ?? [],
      template: template ?? DEFAULT_TEMPLATE,
      values: valuesOf(settings),
    };
  }

  async #pictureOf({ picture }: RunSpec): Promise<LessonPicture | null> {
    if (picture === OWN_PICTURE) {
      this.#pictures.forget();
      return null;
    }
    const sample = await this.#pictures.find(picture);
    try {
      return sample === null ? null : await this.#pictures.show(sample);
    } catch {
      this.#block.showProblem(words.samples.failed);
      return null;
    }
  }

  /** Puts runs on stage, at a state, together with what they are the runs of; or the picture alone, where the run is still to come. */
  #put({ spec, other }: Asked, a: LessonRun | null, b: LessonRun | null, picture: LessonPicture | null, state: number | null): void {
    const source = picture?.picture.source ?? null;
    this.#spec = spec;
    this.#other = other;
    this.#linkedState = a === null ? state : null;
    this.#onStage = picture;
    this.#stage.set(a, b, { picture: source, right: picture?.sample?.answer ?? null }, state ?? 0);
    this.#pictures.release(picture);
    this.#describe();
    this.#compare.show(a === null ? spec.values : valuesOfReport(a.report), other);
    this.#showAddress();
  }

  #describe(): void {
    if (this.#spec !== null) this.#head.show(lessonOf(this.#spec), this.#stage.runOf("a"), this.#onStage);
  }

  /** Takes the reader to what a press far away from it has changed. */
  #goToStage(): void {
    this.#head.focus();
    this.#announcer.say(words.lessons.shown(this.#head.title));
  }

  /** Computes the first run, and the second one where there is one; what is on stage stays until then. */
  async #compute(asked: Asked, shown: LessonPicture, { a: known, state }: { readonly a: LessonRun | null; readonly state: number | null }): Promise<void> {
    const turn = this.#begin();
    const second = secondOf(asked);
    this.#block.setRunning(true);
    this.#block.showStatus(text.status.running, null);
    try {
      const { model } = await this.#host.ready();
      if (turn !== this.#turn) return;
      // Only runs of the same model can be compared: a first one of another model's is made anew.
      const kept = known?.report.model === model.name ? known : null;
      const a = kept ?? (await this.#runOne(shown, asked.spec, second === null ? "" : words.run.a));
      if (a === null || turn !== this.#turn) return;
      if (kept === null) this.#put(asked, a, null, shown, state);
      const b = second === null ? null : await this.#runOne(shown, second, words.run.b);
      if (turn !== this.#turn) return;
      if (b !== null) this.#put(asked, a, b, shown, this.#stage.position);
      this.#ended(b ?? a, b === null ? words.run.only : words.run.b, state);
    } catch (error) {
      if (turn === this.#turn) this.#failed(error);
    }
  }

  #runOne(shown: LessonPicture, spec: RunSpec, which: string): Promise<LessonRun | null> {
    return this.#runner.run(shown.picture.blob, spec, (progress) => this.#block.showProgress(progress, which));
  }

  #ended(run: LessonRun, which: string, state: number | null): void {
    this.#block.setRunning(false);
    const message = words.run.done(which, run.report.steps.length);
    this.#block.showStatus(message);
    this.#announcer.say(message);
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (state === null && !isStill && this.#stage.position === 0) this.#stage.playIfSeen();
  }

  #failed(error: unknown): void {
    this.#block.setRunning(false);
    if (placeOf(error).kind === "engine") this.#host.discard();
    this.#describe();
    this.#block.showStatus(words.run.failed);
    this.#block.showProblem(messageOf(error));
  }

  /** Runs what the form says. */
  async #runForm(): Promise<void> {
    this.#labels.flush();
    const shown = this.#pictures.present;
    const question = this.#labels.askForAdapting();
    const invalid = this.#controls.firstInvalid;
    if (shown === null || question === null || invalid !== null) {
      unfoldChange();
      if (shown === null) this.#block.showProblem(words.samples.missing);
      else if (question === null) this.#labels.focusProblem();
      else invalid?.focus();
      return;
    }
    const spec: RunSpec = { picture: shown.sample?.file ?? OWN_PICTURE, ...question, values: numbersOf(this.#controls.values) };
    this.#host.useDevice(this.#controls.values.device);
    await this.#compute({ spec, other: this.#other }, shown, { a: null, state: this.#linkedState });
  }

  async #runOther(other: LinkedSettings): Promise<void> {
    const a = this.#stage.runOf("a");
    const spec = this.#spec;
    if (a === null || spec === null) {
      this.#compare.showProblem(words.compare.first);
      return;
    }
    const turn = this.#begin();
    const asked: Asked = { spec, other };
    const known = await recorded(otherSpec(spec, other));
    if (turn !== this.#turn) return;
    const shown = this.#onStage;
    if (known !== null && a.origin === "recorded") this.#put(asked, a, known, shown, this.#stage.position);
    else if (shown === null) this.#compare.showProblem(words.samples.missing);
    else await this.#compute(asked, shown, { a, state: this.#stage.position });
  }

  #removeOther(): void {
    this.#begin();
    if (this.#spec !== null) this.#put({ spec: this.#spec, other: null }, this.#stage.runOf("a"), null, this.#onStage, this.#state);
  }

  /** A picture of the reader's: theirs is the next run; where the present one waits for it, it is shown with it. */
  #ownPictureChosen(shown: LessonPicture): void {
    this.#block.showProblem("");
    this.#linkNote.pictureChosen();
    if (shown.sample !== null) this.#labels.set(shown.sample.labels, null);
    const a = this.#stage.runOf("a");
    if (this.#spec !== null && a === null && shown.sample === null) {
      const asked: Asked = { spec: { ...this.#spec, picture: OWN_PICTURE }, other: this.#other };
      const state = this.#linkedState;
      this.#begin();
      this.#put(asked, null, null, shown, state);
      this.#computeWhatIsMissing(asked, null, state);
    } else {
      unfoldChange(byId("run", HTMLButtonElement));
      this.#block.showStatus(words.samples.chosen(shown.sample?.title ?? shown.picture.name));
    }
  }

  /** Shows a recorded run from a file. */
  async #open({ report, picture: address }: Recording, name: string): Promise<void> {
    const turn = this.#begin();
    const file = sampleOf(address);
    const sample = file === null ? null : await this.#pictures.find(file);
    if (turn !== this.#turn) return;
    const spec: RunSpec = { picture: sample?.file ?? OWN_PICTURE, labels: report.labels, template: report.template, values: valuesOfReport(report) };
    this.#linkNote.show([], false);
    this.#fillForm(spec);
    let shown: LessonPicture | null = null;
    if (sample !== null) shown = await this.#pictureOf(spec);
    else if (address?.startsWith("data:") === true) shown = await this.#pictures.showEmbedded(address, name);
    else this.#pictures.forget();
    if (turn === this.#turn) this.#put({ spec, other: null }, lessonRun(report, "opened"), null, shown, 0);
  }

  async #lookThrough(adapter: AdapterFiles): Promise<void> {
    const shown = this.#onStage;
    const a = this.#stage.runOf("a");
    if (shown === null || a === null) {
      this.#adapters.showProblem(words.samples.missing);
      return;
    }
    const turn = this.#turn;
    this.#block.showStatus(words.adapter.loading, null);
    try {
      const clip = await this.#host.ready();
      const { labels, template, before } = a.report;
      const scores = await clip.classify(shown.picture.blob, labels, { template, adapter });
      if (turn !== this.#turn) return;
      const scoreOf = new Map(scores.map(({ label, score }) => [label, score]));
      this.#adapters.show(labels, before.map(({ probability }) => probability), labels.map((label) => scoreOf.get(label) ?? 0));
      this.#block.showStatus("");
    } catch (error) {
      if (turn !== this.#turn) return;
      if (placeOf(error).kind === "engine") this.#host.discard();
      this.#block.showStatus("");
      this.#adapters.showProblem(messageOf(error));
    }
  }

  async #export(which: Which, what: Export): Promise<void> {
    const run = this.#stage.runOf(which);
    if (run === null) return;
    const name = this.#stage.runOf("b") === null ? words.run.plot : which === "a" ? words.run.a : words.run.b;
    try {
      await saveExport(what, run, name, this.#onStage, this.#stage.drawingOf(which));
    } catch {
      this.#block.showProblem(words.exports.plotFailed);
    }
  }

  #cancel(): void {
    this.#begin();
    this.#describe();
    this.#block.showStatus(words.run.cancelled);
    this.#announcer.say(words.run.cancelled);
  }

  /** Something new is asked for: what is under way is called off. */
  #begin(): number {
    this.#runner.cancel();
    this.#address.forget();
    this.#block.setRunning(false);
    this.#block.showStatus("");
    this.#block.showProblem("");
    this.#adapters.clear();
    this.#turn += 1;
    return this.#turn;
  }

  #fillForm({ labels, template, values }: RunSpec): void {
    this.#labels.set(labels, template);
    this.#controls.set(values);
    this.#compare.forgetTyped();
  }

  /** The state that is shown, or that the link asks for whose run isn't there yet; null where it asks for none. */
  get #state(): number | null {
    return this.#stage.runOf("a") === null ? this.#linkedState : this.#stage.position;
  }

  #showAddress(): void {
    if (this.#spec === null) return;
    this.#address.show({ ...linkTo(this.#spec), state: this.#state, other: this.#other });
  }

  /** Another model than the page's is only named in a link; it is loaded when the reader runs something. */
  async #takeModelOfLink(): Promise<void> {
    const { model, format, hub } = readLink(location.search);
    if (model === null || model === "pocket") return;
    this.#usesOwnModel = true;
    const { CATALOGUE } = await import("clip-ttl");
    const choice = chooseNamed(model, format, hub, CATALOGUE);
    this.#host.begin(choice);
    this.#block.showStatus(words.run.modelFromLink(choice.title));
  }
}

/** The recorded run of this page's own, or null where there is none or it can't be fetched. */
async function recorded(spec: RunSpec): Promise<LessonRun | null> {
  const address = recordingOf(spec);
  if (address === null) return null;
  try {
    return lessonRun((await fetchRun(address)).report, "recorded");
  } catch {
    return null;
  }
}

function secondOf({ spec, other }: Asked): RunSpec | null {
  return other === null ? null : otherSpec(spec, other);
}

function numbersOf({ device: _device, ...numbers }: OptionValues): RunSpec["values"] {
  return numbers;
}
