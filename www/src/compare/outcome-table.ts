/** One row for each method: its answer, its likeliest labels, its entropy, its cost, or why it failed. */

import type { CompareReport, MethodDescription, MethodOutcome, ZeroShot } from "clip-ttl";
import { formatPercent } from "clip-ttl/element";
import { byId, make } from "../page-dom.js";
import { groupsOf, likeliest, type Voice } from "./agreement.js";
import { words } from "./words.js";

/** How many labels have a bar. */
const BARS = 3;

/** What a comparison is about. */
export interface Asked {
  readonly picture: string;
  readonly labels: readonly string[];
  readonly methods: readonly MethodDescription[];
  readonly views: number;
  readonly seed: number;
}

export class OutcomeTable {
  readonly #section = byId("outcomes", HTMLElement);
  readonly #about = byId("outcomes-about", HTMLElement);
  readonly #agreement = byId("agreement", HTMLElement);
  readonly #place = byId("outcome-table", HTMLElement);
  #asked: Asked | null = null;
  #rows: HTMLTableRowElement[] = [];
  #zeroShot: ZeroShot | null = null;
  #voices: Voice[] = [];

  /** Begins anew: every method waits. */
  begin(asked: Asked): void {
    this.#asked = asked;
    this.#zeroShot = null;
    this.#voices = [];
    this.#about.textContent = words.outcome.about(asked.picture, asked.labels.length, asked.views, asked.seed);
    this.#agreement.replaceChildren();
    const { title, summary } = words.zeroShot;
    this.#rows = [row(make("span", {}, title), summary), ...asked.methods.map((method) => row(linkTo(method)))];
    for (const line of this.#rows) this.#say(line, words.outcome.waiting);
    const head = words.outcome.columns.map((column) => make("th", { scope: "col", role: "columnheader" }, column));
    // The roles are said again: laid out as blocks on narrow screens, a table wouldn't be one any more.
    const table = make(
      "table",
      { class: "outcome-table", role: "table", "aria-label": words.outcome.table },
      make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...head)),
      make("tbody", { role: "rowgroup" }, ...this.#rows),
    );
    this.#place.replaceChildren(table);
    this.#section.hidden = false;
  }

  /** The prediction before any method. */
  showZeroShot(zeroShot: ZeroShot): void {
    const [line] = this.#rows;
    if (this.#asked === null || line === undefined) return;
    this.#zeroShot = zeroShot;
    const [top = 0] = likeliest(zeroShot.probabilities, 1);
    this.#fill(line, [
      [this.#answer(top, zeroShot.probabilities)],
      [this.#bars(zeroShot.probabilities)],
      [words.outcome.entropy(zeroShot.entropy, zeroShot.entropy).split(" ")[0] ?? ""],
      [],
    ]);
    this.#speak({ title: words.zeroShot.title, label: top });
  }

  /** A method is being worked on. */
  showComputing(index: number): void {
    const line = this.#rows[index + 1];
    if (line !== undefined) this.#say(line, words.outcome.computing);
  }

  /** What a method came to; `message` says what went wrong where it failed. */
  showOutcome(index: number, outcome: MethodOutcome, message: string): void {
    const line = this.#rows[index + 1];
    const before = this.#zeroShot;
    if (line === undefined || before === null) return;
    if (outcome.error !== null) {
      this.#say(line, words.outcome.failed(outcome.title, message), "problem");
      return;
    }
    const after = outcome.after.map(({ probability }) => probability);
    const [top = 0] = likeliest(after, 1);
    this.#fill(line, [
      [this.#answer(top, after), this.#change(top, before.probabilities), ...warnings(outcome)],
      [this.#bars(after)],
      [words.outcome.entropy(before.entropy, outcome.entropy)],
      [words.outcome.cost(outcome.costMs), make("span", { class: "note" }, words.outcome.passes(outcome.forwardPasses, outcome.backwardPasses))],
    ]);
    this.#speak({ title: outcome.title, label: top });
  }

  /** The end: what all methods share has a cost as well. */
  finish({ timingMs }: CompareReport): void {
    const cell = this.#rows[0]?.lastElementChild;
    cell?.replaceChildren(words.outcome.shared(timingMs.text + timingMs.views + timingMs.trunk));
  }

  /** It ended early: nobody waits any more. */
  stop(): void {
    for (const line of this.#rows) if (line.dataset["state"] === "pending") this.#say(line, words.outcome.notRun);
  }

  #say(line: HTMLTableRowElement, message: string, style = "note"): void {
    line.dataset["state"] = style === "note" ? "pending" : "failed";
    const cell = make("td", { role: "cell", colspan: String(words.outcome.columns.length - 1) }, make("p", { class: style }, message));
    line.replaceChildren(...[...line.children].slice(0, 1), cell);
  }

  #fill(line: HTMLTableRowElement, cells: readonly (readonly (Node | string)[])[]): void {
    line.dataset["state"] = "done";
    const filled = cells.map((content, index) => make("td", { role: "cell", "data-column": words.outcome.columns[index + 1] ?? "" }, ...content));
    line.replaceChildren(...[...line.children].slice(0, 1), ...filled);
  }

  #answer(label: number, probabilities: readonly number[]): HTMLElement {
    const name = make("strong", { dir: "auto" }, this.#asked?.labels[label] ?? "");
    return make("p", { class: "outcome-answer" }, name, ` ${formatPercent(probabilities[label] ?? 0)}`);
  }

  /** Whether the answer is another than without adaptation. */
  #change(label: number, before: readonly number[]): HTMLElement {
    const [first = 0] = likeliest(before, 1);
    const percent = formatPercent(before[first] ?? 0);
    if (first === label) return make("p", { class: "note" }, words.outcome.stays(percent));
    const former = make("bdi", {}, this.#asked?.labels[first] ?? "");
    return make("p", { class: "outcome-changed" }, words.outcome.instead, former, ` (${percent})`);
  }

  #bars(after: readonly number[]): HTMLElement {
    const before = this.#zeroShot?.probabilities ?? after;
    const lines = likeliest(after, BARS).map((label) => {
      const track = make("span", { class: "outcome-track", "aria-hidden": "true" }, make("span", { class: "outcome-fill" }), make("span", { class: "outcome-mark" }));
      track.style.setProperty("--after", String(after[label] ?? 0));
      track.style.setProperty("--before", String(before[label] ?? 0));
      const name = make("span", { class: "outcome-label", dir: "auto" }, this.#asked?.labels[label] ?? "");
      return make("li", {}, name, " ", track, " ", make("span", { class: "outcome-percent" }, formatPercent(after[label] ?? 0)));
    });
    return make("ul", { class: "outcome-bars" }, ...lines);
  }

  #speak(voice: Voice): void {
    this.#voices.push(voice);
    const all = this.#voices.length;
    const lines = groupsOf(this.#voices).map(({ label, titles }) => {
      const share = make("span", { class: "agreement-share" }, words.agreement.of(titles.length, all));
      const name = make("strong", { dir: "auto" }, this.#asked?.labels[label] ?? "");
      return make("li", {}, name, " ", share, " ", make("span", { class: "note" }, titles.join(", ")));
    });
    this.#agreement.replaceChildren(...lines);
  }
}

function linkTo({ name, title }: MethodDescription): HTMLElement {
  return make("a", { href: `./docs/methods/${name}.html` }, title);
}

function row(name: HTMLElement, note = ""): HTMLTableRowElement {
  const notes = note === "" ? [] : [make("span", { class: "note" }, note)];
  return make("tr", { role: "row" }, make("th", { scope: "row", role: "rowheader" }, name, ...notes));
}

function warnings(outcome: MethodOutcome): HTMLElement[] {
  return outcome.warnings.map(({ message }) => make("p", { class: "note outcome-warning" }, message));
}
