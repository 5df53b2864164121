/** What is on stage: one run, or two, at the player's position. Feeds every drawing and every text from them. */

import type { ViewBox } from "clip-ttl";
import { formatNats, formatPercent, type PictureSource } from "clip-ttl/element";
import { byId } from "../page-dom.js";
import { compare, differences } from "./compare.js";
import { explain } from "./explain.js";
import { Figure } from "./figure.js";
import { largestValue, valuesOfReport, type LessonRun } from "./lesson-run.js";
import { Player, type Position } from "./player.js";
import { PlayerBar } from "./player-bar.js";
import { RunColumn, type Export } from "./run-column.js";
import { order, stateAt } from "./run-states.js";
import { StoryPanel } from "./story-panel.js";
import { describeSettings } from "./settings-words.js";
import { words } from "./words.js";

export type Which = "a" | "b";

export interface StageListener {
  /** Another state is shown. */
  moved(position: number): void;
  /** A button or a key has led to another state, which `spoken` says in a sentence. */
  stepped(spoken: string): void;
  exportAsked(which: Which, what: Export): void;
}

/** What is shown with a run: the picture, if it is at hand, and the right label, if somebody has said it. */
export interface Setting {
  readonly picture: PictureSource | null;
  readonly right: string | null;
}

const NO_VIEWS: readonly ViewBox[] = [];

export class Stage {
  readonly #listener: StageListener;
  readonly #figure = new Figure();
  readonly #story: StoryPanel;
  readonly #comparison: StoryPanel;
  readonly #columns: Readonly<Record<Which, RunColumn>>;
  readonly #runs = byId("runs", HTMLElement);
  readonly #comparisonPlace = byId("comparison", HTMLElement);
  readonly #whose = byId("whose", HTMLElement);
  readonly #player: Player;
  readonly #bar: PlayerBar;
  #a: LessonRun | null = null;
  #b: LessonRun | null = null;
  #setting: Setting = { picture: null, right: null };

  constructor(listener: StageListener) {
    this.#listener = listener;
    this.#story = new StoryPanel(byId("story", HTMLElement), (view) => this.#figure.point(view), { hasHeadings: true });
    this.#comparison = new StoryPanel(this.#comparisonPlace, () => undefined, { hasHeadings: false });
    const column = (which: Which): RunColumn => new RunColumn(byId(`run-${which}`, HTMLElement), (what) => listener.exportAsked(which, what));
    this.#columns = { a: column("a"), b: column("b") };
    this.#player = new Player((position) => this.#show(position));
    this.#bar = new PlayerBar(this.#player, (spoken) => listener.stepped(spoken));
    this.#whose.addEventListener("change", () => this.#load(this.#player.present.position));
    this.#show(this.#player.present);
  }

  get position(): number {
    return this.#player.present.position;
  }

  runOf(which: Which): LessonRun | null {
    return which === "a" ? this.#a : this.#b;
  }

  drawingOf(which: Which): SVGSVGElement | null {
    return this.#columns[which].drawing;
  }

  /** Takes up runs, at a position; a picture that comes later is taken up by another call. */
  set(a: LessonRun | null, b: LessonRun | null, setting: Setting, position: number): void {
    this.#a = a;
    this.#b = a === null ? null : b;
    this.#setting = setting;
    if (this.#b === null) this.#choose("a");
    this.#load(position);
  }

  /** Plays, unless nobody would see it. */
  playIfSeen(): void {
    if (this.#bar.isInSight) this.#player.play();
  }

  /** Whose views the picture shows. */
  get #shown(): LessonRun | null {
    const chosen = this.#whose.querySelector<HTMLInputElement>("input:checked")?.value;
    return chosen === "b" && this.#b !== null ? this.#b : this.#a;
  }

  #choose(which: Which): void {
    const input = this.#whose.querySelector<HTMLInputElement>(`input[value=${which}]`);
    if (input !== null) input.checked = true;
  }

  #load(position: number): void {
    const [a, b, shown] = [this.#a, this.#b, this.#shown];
    const last = Math.max(0, ...[a, b].map((run) => (run === null ? 0 : run.states.length - 1)));
    if (shown !== null) {
      const { report, states } = shown;
      const { picture, right } = this.#setting;
      const place = right === null ? -1 : report.labels.indexOf(right);
      const story = { labels: report.labels, states, views: report.views, picture, margin: report.options.margin, right: place < 0 ? null : place };
      this.#story.load(states.map(({ updates }) => explain(story, updates)));
    } else {
      this.#story.load([]);
    }
    if (a !== null && b !== null) {
      const [one, other] = [a, b].map(({ report, states }) => ({ values: valuesOfReport(report), states }));
      if (one !== undefined && other !== undefined) {
        this.#comparison.load(Array.from({ length: last + 1 }, (_, at) => compare(one, other, a.report.labels, at)));
      }
    }
    this.#comparisonPlace.hidden = b === null;
    this.#whose.hidden = b === null;
    this.#runs.classList.toggle("runs-two", b !== null);
    this.#player.load(last, position);
  }

  #show(position: Position): void {
    const at = position.position;
    const [a, b, shown] = [this.#a, this.#b, this.#shown];
    const { picture } = this.#setting;
    const state = shown === null ? null : stateAt(shown.states, at);
    this.#figure.show({ picture, labels: shown?.report.labels ?? [], boxes: shown?.report.views ?? NO_VIEWS, views: state?.views ?? null });
    this.#story.show(at);
    this.#comparison.show(at);
    this.#showColumns(a, b, at);
    this.#bar.show(position, this.#spoken(position));
    if (a !== null) this.#listener.moved(at);
  }

  #showColumns(a: LessonRun | null, b: LessonRun | null, position: number): void {
    const largest = Math.max(0, ...[a, b].map((run) => (run === null ? 0 : largestValue(run))));
    const { a: one, b: other } = this.#columns;
    if (a !== null) {
      one.show(a, { title: b === null ? words.run.only : words.run.a, settings: describeSettings(valuesOfReport(a.report)), position, largest });
    } else {
      one.hide();
    }
    if (a !== null && b !== null) {
      const settings = differences(valuesOfReport(a.report), valuesOfReport(b.report)).join("; ");
      other.show(b, { title: words.run.b, settings, position, largest });
    } else {
      other.hide();
    }
  }

  /** The state in a sentence, for those who don't see the figures. */
  #spoken({ position, last }: Position): string {
    const name = words.player.state(position, last);
    if (this.#a === null) return name;
    const { report, states } = this.#a;
    const state = stateAt(states, position);
    const top = order(state.prediction)[0] ?? 0;
    return words.player.spoken(name, report.labels[top] ?? "", formatPercent(state.prediction[top] ?? 0), formatNats(state.views?.entropy, 2));
  }
}
