/** Everything about models on the page: which one is in use, choosing another, and the way from one to the other. */

import type { CatalogueEntry, ClipTtl, DeviceChoice } from "clip-ttl";
import type { Announcer } from "./announcer.js";
import type { EngineHost, EngineState } from "./engine-host.js";
import { ModelChange, type ChangeState } from "./model-change.js";
import { ModelChangePanel } from "./model-change-panel.js";
import { chooseNamed, isPinned, isSameChoice, isStored, type ModelChoice } from "./model-choice.js";
import { readLink, writeLink, type LinkWish } from "./model-link.js";
import { ModelPanel } from "./model-panel.js";
import { byId, make, onPress, outwardLink, ProblemLine, setText } from "./page-dom.js";
import { StoredModels } from "./stored-models.js";
import { text } from "./strings.js";

export interface ModelDeskListener {
  /** Whether a run is under way, or asked for. */
  isRunning(): boolean;
  /**
   * Another model is to answer from now on.
   *
   * @param former the title of the one before; empty where it is the same one, loaded anew
   * @param change makes the change, once nothing is asked of the one before any more
   */
  modelChanges(former: string, change: () => void): void;
  /** The address names another model now. */
  modelLinked(): void;
}

export class ModelDesk {
  readonly #host: EngineHost;
  readonly #announcer: Announcer;
  readonly #listener: ModelDeskListener;
  readonly #line = byId("model-line", HTMLElement);
  readonly #pocketNote = byId("model-note-pocket", HTMLElement);
  readonly #otherNote = byId("model-note-other", HTMLElement);
  readonly #linkProblem = new ProblemLine(byId("model-link-problem", HTMLElement));
  readonly #change: ModelChange;
  readonly #changePanel: ModelChangePanel;
  readonly #panel: ModelPanel;
  readonly #stored: StoredModels;
  readonly #wish: LinkWish = readLink(location.search);
  #device: DeviceChoice;
  #catalogue: readonly CatalogueEntry[] = [];
  #lastKind: ChangeState["kind"] = "none";
  #wasPausing = false;

  constructor(host: EngineHost, announcer: Announcer, listener: ModelDeskListener) {
    this.#host = host;
    this.#device = host.device;
    this.#announcer = announcer;
    this.#listener = listener;
    this.#change = new ModelChange(host, {
      changeStateChanged: (state) => this.#showChange(state),
      isBusy: () => listener.isRunning(),
      takeOver: (clip, choice) => this.#takeOver(clip, choice),
    });
    this.#changePanel = new ModelChangePanel({
      lookUp: (choice) => void this.#change.lookUp(choice),
      load: (choice) => void this.#change.load(choice),
      stop: () => this.#stop(),
    });
    this.#stored = new StoredModels(announcer, () => this.#showPanel());
    this.#panel = new ModelPanel({
      panelOpened: () => void this.#fill(),
      modelChosen: (choice) => this.#begin(() => void this.#change.load(choice)),
      modelNamed: (choice) => this.#takeNamed(choice),
    });
    this.#panel.format = this.#wish.format;
    onPress(byId("model-open", HTMLButtonElement), () => this.#panel.open());
    this.#showPresent();
  }

  /** Takes up what the page's address asks for. A model that would have to be downloaded is only offered. */
  async start(): Promise<void> {
    const { model, format, hub, problem } = this.#wish;
    this.#linkProblem.show(problem);
    if (model === null || model === "pocket") return;
    await this.#fill();
    const choice = chooseNamed(model, format, hub, this.#catalogue);
    const isKept = isStored(choice, this.#stored.models);
    // Where a newer version would be looked for, a download might come of it.
    if (isKept && isPinned(choice)) {
      void this.#change.load(choice);
      return;
    }
    this.#change.offer(choice, { isFromLink: true, isStored: isKept });
  }

  /** How the model in use is called where it is announced; the one that the page begins with goes without saying. */
  get announcedTitle(): string {
    return this.#host.choice.kind === "pocket" ? "" : this.#host.choice.title;
  }

  engineChanged(state: EngineState): void {
    if (state.kind === "loading") return;
    this.#showPresent();
    this.#showChange(this.#change.state);
    // A model that was loaded anew is stored as well.
    if (state.kind === "ready") this.#refreshStored();
  }

  deviceMayHaveChanged(): void {
    if (this.#device === this.#host.device) return;
    this.#device = this.#host.device;
    this.#change.deviceChanged();
  }

  runEnded(): void {
    if (!this.#listener.isRunning()) this.#change.presentIsFree();
  }

  #takeNamed(choice: ModelChoice): void {
    if (isStored(choice, this.#stored.models)) this.#begin(() => this.#change.offer(choice, { isStored: true }));
    else if (choice.sizes !== null) this.#begin(() => this.#change.offer(choice));
    else this.#begin(() => void this.#change.lookUp(choice));
  }

  /** What has begun is shown in the place of the list. */
  #begin(act: () => void): void {
    this.#linkProblem.clear();
    this.#panel.close();
    act();
    this.#changePanel.focus();
  }

  #stop(): void {
    const { kind } = this.#change.state;
    this.#change.stop();
    if (kind === "loading" || kind === "looking-up" || kind === "waiting") this.#announcer.say(text.model.change.cancelled(this.#host.choice.title));
    this.#refreshStored();
  }

  #takeOver(clip: ClipTtl, choice: ModelChoice): void {
    const former = this.#host.choice;
    this.#listener.modelChanges(isSameChoice(former, choice) ? "" : former.title, () => this.#host.adopt(clip, choice));
    writeLink(choice);
    this.#listener.modelLinked();
  }

  #showChange(state: ChangeState): void {
    this.#changePanel.show(state, { title: this.#host.choice.title, isReady: this.#host.state.kind === "ready" });
    const words = text.model.change;
    const isPausing = state.kind === "loading" && state.progress !== null && state.progress.retry !== null;
    if (isPausing && !this.#wasPausing) this.#announcer.say(words.pausing);
    this.#wasPausing = isPausing;
    if (state.kind === this.#lastKind) return;
    this.#lastKind = state.kind;
    if (state.kind === "loading") this.#announcer.say(words.loading(state.choice.title));
    else if (state.kind === "waiting") this.#announcer.say(`${words.loaded(state.choice.title)} ${words.waiting}`);
    else if (state.kind === "offered") this.#announcer.say(byId("model-change", HTMLElement).innerText);
    else if (state.kind === "failed") this.#refreshStored();
  }

  /** The line and the note about the model in use. */
  #showPresent(): void {
    const { choice, state } = this.#host;
    const info = state.kind === "ready" ? state.clip.model : null;
    setText(this.#line, info === null ? choice.title : text.model.line(choice.title, info.dtype, info.residentBytes, info.imageSize));
    const isPocket = choice.kind === "pocket";
    this.#pocketNote.hidden = !isPocket;
    this.#otherNote.hidden = isPocket;
    this.#showPanel();
    if (isPocket) return;
    const words = text.model.note;
    this.#otherNote.replaceChildren(
      make("span", {}, info === null ? words.unknown(choice.title) : words.sees(choice.title, info.imageSize)),
      ...(choice.page === null ? [] : [" ", outwardLink(choice.page, words.page), ` ${words.pageSays}`]),
    );
  }

  #refreshStored(): void {
    // Nobody has looked at the list yet, so there is nothing to bring up to date.
    if (this.#catalogue.length > 0) void this.#stored.refresh();
  }

  async #fill(): Promise<void> {
    try {
      this.#catalogue = (await import("clip-ttl")).CATALOGUE;
    } catch {
      this.#panel.showProblem(text.engine.noScript);
      return;
    }
    this.#showPanel();
    await this.#stored.refresh();
  }

  #showPanel(): void {
    if (this.#catalogue.length === 0) return;
    this.#panel.show({ catalogue: this.#catalogue, stored: this.#stored.models, present: this.#host.choice, hub: this.#wish.hub });
  }
}
