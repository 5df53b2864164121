/** The comparison as a whole: inputs, the run, its outcomes, and the address that brings them back. */

import type { ClipTtl, CompareProgress, CompareRun, MethodChoice, MethodDescription, MethodOutcome } from "clip-ttl";
import { Announcer } from "../announcer.js";
import { EngineHost } from "../engine-host.js";
import { LabelsPanel, type Question } from "../labels-panel.js";
import { RunBlock } from "../lesson/run-block.js";
import { EMPTY_LINK } from "../link.js";
import { chooseNamed } from "../model-choice.js";
import { readLink } from "../model-link.js";
import { linkedQuestion, PageAddress, type TakenUp } from "../page-address.js";
import { byId } from "../page-dom.js";
import { PicturePanel } from "../picture-panel.js";
import type { LoadedPicture } from "../picture-source.js";
import { DEFAULT_TEMPLATE } from "../presets.js";
import { messageOf, placeOf, wayOutOf } from "../problems.js";
import type { Sample } from "../samples.js";
import { formatCompareLink, readCompareLink } from "./compare-link.js";
import { MethodList } from "./method-list.js";
import { METHODS } from "./methods.js";
import { OutcomeTable } from "./outcome-table.js";
import { ViewFields } from "./view-fields.js";
import { words } from "./words.js";

/** Everything that a comparison needs, looked at and found right. */
interface Inputs {
  readonly picture: LoadedPicture;
  readonly question: Question;
  readonly choices: readonly MethodChoice[];
}

export class ComparePage {
  readonly #announcer = new Announcer(byId("announcer", HTMLElement));
  readonly #table = new OutcomeTable();
  readonly #block = new RunBlock({ run: () => void this.#run(), cancel: () => this.#cancel() });
  readonly #host = new EngineHost((state) => this.#block.showEngine(state));
  readonly #views = new ViewFields(() => this.#address.changed());
  readonly #methods = new MethodList(METHODS, () => this.#address.changed());
  readonly #labels = new LabelsPanel({ labelsChanged: () => this.#address.changed() });
  readonly #pictures = new PicturePanel({ pictureChanged: (picture, sample) => this.#pictureChanged(picture, sample) });
  readonly #address = new PageAddress({
    pictures: this.#pictures,
    labels: this.#labels,
    takeUp: (hash) => this.#takeUp(hash),
    present: () => this.#present(),
  });
  #picture: LoadedPicture | null = null;
  #comparison: CompareRun | null = null;
  /** Counts runs, so that one which was called off while the engine was loading doesn't begin. */
  #turn = 0;

  start(): void {
    void this.#address.follow();
    void this.#takeModelOfLink();
  }

  #takeUp(hash: string): TakenUp {
    const { page, methods, options, notes } = readCompareLink(hash, METHODS);
    // Links leave the usual prompt out.
    this.#labels.set(page.labels, page.template ?? DEFAULT_TEMPLATE);
    this.#views.set(page.settings);
    this.#methods.choose(methods);
    this.#methods.setOptions(options);
    return { picture: page.picture, notes };
  }

  #present(): string {
    const page = { ...EMPTY_LINK, ...linkedQuestion(this.#pictures, this.#labels), settings: this.#views.linked };
    return formatCompareLink({ page, methods: this.#methods.chosen, options: this.#methods.options }, METHODS);
  }

  #pictureChanged(picture: LoadedPicture | null, sample: Sample | null): void {
    this.#picture = picture;
    if (picture !== null) this.#address.pictureChosen();
    if (sample !== null) this.#labels.suggest(sample.labels);
    this.#address.changed();
  }

  /** What is asked for; null where something is wrong or missing, which is then shown and has the focus. */
  #inputs(): Inputs | null {
    this.#labels.flush();
    if (this.#picture === null) {
      this.#pictures.askForPicture();
      return null;
    }
    const question = this.#labels.askForAdapting();
    if (question === null) return null;
    const invalid = this.#views.firstInvalid;
    if (invalid !== null) {
      invalid.focus();
      return null;
    }
    const { choices } = this.#methods;
    return choices === null ? null : { picture: this.#picture, question, choices };
  }

  async #run(): Promise<void> {
    const inputs = this.#inputs();
    if (inputs === null) return;
    const turn = this.#begin();
    this.#block.setRunning(true);
    this.#block.showStatus(words.run.starting, null);
    try {
      const clip = await this.#host.ready();
      if (turn !== this.#turn) return;
      await this.#compare(turn, clip, inputs);
    } catch (error) {
      if (turn === this.#turn) this.#failed(error);
    } finally {
      if (turn === this.#turn) this.#block.setRunning(false);
    }
  }

  async #compare(turn: number, clip: ClipTtl, { picture, question: { labels, template }, choices }: Inputs): Promise<void> {
    const { views, seed, cropScaleMin } = this.#views.values;
    const methods = choices.map(({ method }) => descriptionOf(method));
    this.#table.begin({ picture: picture.name, labels, methods, views, seed });
    const onProgress = (progress: CompareProgress): void => {
      if (turn === this.#turn) this.#showProgress(progress, methods);
    };
    const run = clip.compare(picture.blob, labels, { methods: choices, template, views, seed, cropScale: [cropScaleMin, 1], onProgress });
    this.#comparison = run;
    run.zeroShot.then((zeroShot) => turn === this.#turn && this.#table.showZeroShot(zeroShot)).catch(() => undefined);
    let index = 0;
    for await (const outcome of run) {
      if (turn !== this.#turn) return;
      this.#table.showOutcome(index, outcome, await whatFailed(outcome));
      index += 1;
    }
    const report = await run.result;
    this.#comparison = null;
    this.#pictures.accept();
    this.#table.finish(report);
    const failed = report.outcomes.filter(({ error }) => error !== null).length;
    const message = words.run.done(report.outcomes.length, report.timingMs.total, failed);
    this.#block.showStatus(message);
    this.#announcer.say(message);
  }

  #showProgress(progress: CompareProgress, methods: readonly MethodDescription[]): void {
    const all = methods.length + 1;
    const titleOf = (index: number): string => words.run.method(methods[index]?.title ?? "", index, methods.length);
    switch (progress.stage) {
      case "queued":
        this.#block.showStatus(words.run.queued, null);
        break;
      case "labels":
        this.#block.showStatus(words.run.labels(progress.labelsDone, progress.labelsTotal), null);
        break;
      case "encoding":
        this.#block.showStatus(words.run.encoding(progress.viewsDone, progress.viewsTotal), progress.viewsDone / progress.viewsTotal / all);
        break;
      case "method":
        this.#table.showComputing(progress.index);
        this.#block.showStatus(titleOf(progress.index), (progress.index + 1) / all);
        break;
      case "stepping":
        this.#block.showStatus(titleOf(progress.index), (progress.index + 1 + progress.viewsDone / progress.viewsTotal) / all);
        break;
      default:
        break;
    }
  }

  #failed(error: unknown): void {
    const place = placeOf(error);
    this.#table.stop();
    this.#block.showStatus(words.run.failed);
    if (place.kind === "engine") this.#host.discard();
    const { ofGpu, offersCpu } = wayOutOf(error, this.#host.device);
    if (offersCpu) {
      this.#host.useDevice("cpu");
      this.#block.showProblem(`${ofGpu} ${words.run.cpuNext}`);
    } else if (place.kind === "picture") this.#pictures.reject(messageOf(error));
    else if (place.kind === "labels") this.#labels.showLabelsProblem(messageOf(error));
    else if (place.kind === "template") this.#labels.showTemplateProblem(messageOf(error));
    else this.#block.showProblem(messageOf(error));
  }

  #cancel(): void {
    this.#begin();
    this.#table.stop();
    this.#block.setRunning(false);
    this.#block.showStatus(words.run.cancelled);
    this.#announcer.say(words.run.cancelled);
  }

  /** Something new begins: what is under way is called off. */
  #begin(): number {
    this.#turn += 1;
    this.#comparison?.cancel();
    this.#comparison = null;
    this.#block.showProblem("");
    return this.#turn;
  }

  /** Another model than the small one is only named in a link; it is loaded when the reader runs something. */
  async #takeModelOfLink(): Promise<void> {
    const { model, format, hub, problem } = readLink(location.search);
    if (problem !== "") this.#block.showProblem(problem);
    if (model === null || model === "pocket") return;
    const { CATALOGUE } = await import("clip-ttl");
    const choice = chooseNamed(model, format, hub, CATALOGUE);
    this.#host.begin(choice);
    this.#block.showStatus(words.run.model(choice.title));
  }
}

function descriptionOf(name: string): MethodDescription {
  const found = METHODS.find((method) => method.name === name);
  if (found === undefined) throw new TypeError(`there is no method "${name}"`);
  return found;
}

/** What went wrong with a method and what one can do, in words; empty where nothing did. */
async function whatFailed({ error }: MethodOutcome): Promise<string> {
  if (error === null) return "";
  const { ClipTtlError, isErrorCode } = await import("clip-ttl");
  return isErrorCode(error.code) ? new ClipTtlError(error.code, error.message).message : error.message;
}
