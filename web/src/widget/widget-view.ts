/** What an element shows, put together of its panels; it knows nothing of engines and attributes. */

import { Bars } from "../element/bars.js";
import { Controls } from "../element/controls.js";
import { html, sameItems } from "../element/dom.js";
import { EntropyPlot } from "../element/entropy-plot.js";
import { entropySeries } from "../element/entropy-series.js";
import { emptyFrames, knownViews } from "../element/known-views.js";
import type { OptionValues } from "../element/options.js";
import type { ViewData } from "../element/view-data.js";
import { ViewStrip } from "../element/view-strip.js";
import { answerSentence } from "./answer.js";
import type { HideablePart } from "./attributes.js";
import type { ShownPicture } from "./picture.js";
import { PicturePanel, type PictureListener } from "./picture-panel.js";
import { QuestionPanel } from "./question-panel.js";
import { RunPanel, type RunListener } from "./run-panel.js";
import type { Knowledge } from "./session.js";
import type { ElementStrings } from "./strings.js";

export interface ViewListener extends Omit<PictureListener, "viewHighlighted">, RunListener {
  questionEdited(): void;
  settingsChanged(values: OptionValues): void;
}

/** What the results show. */
export interface Shown {
  readonly labels: readonly string[];
  readonly knowledge: Knowledge;
  /** Updates and views of the present or the next run. */
  readonly plannedSteps: number;
  readonly plannedViews: number;
  readonly isRunning: boolean;
}

export class WidgetView {
  readonly element: HTMLElement;
  readonly picture: PicturePanel;
  readonly question: QuestionPanel;
  readonly run: RunPanel;
  readonly controls: Controls;
  readonly #strings: ElementStrings;
  readonly #bars: Bars;
  readonly #plot: EntropyPlot;
  readonly #strip: ViewStrip;
  readonly #answer: HTMLElement;
  readonly #warnings: HTMLElement;
  readonly #settings: HTMLDetailsElement;
  readonly #announcer: HTMLElement;
  readonly #parts: ReadonlyMap<HideablePart, HTMLElement>;
  #views: readonly ViewData[] | null = null;
  #viewsOrigin: readonly unknown[] = [];
  #isPointedAt = false;
  #isRunning = false;

  constructor(strings: ElementStrings, listener: ViewListener) {
    this.#strings = strings;
    const text = strings.widget;
    this.picture = new PicturePanel(strings, { pictureGiven: (picture) => listener.pictureGiven(picture), viewHighlighted: (view) => this.#strip.highlight(view) });
    this.question = new QuestionPanel(strings, () => listener.questionEdited());
    this.run = new RunPanel(strings, listener);
    this.controls = new Controls((values) => listener.settingsChanged(values), strings);
    this.#bars = new Bars(strings);
    this.#plot = new EntropyPlot(strings);
    this.#strip = new ViewStrip((view) => this.#point(view), strings);
    this.#answer = html("p", { class: "w-answer", part: "answer" });
    this.#warnings = html("ul", { class: "w-warnings ct-soft", part: "warnings", hidden: true });
    this.#announcer = html("p", { class: "ct-hidden", role: "status" });
    this.#settings = html("details", { class: "w-settings", part: "settings" }, html("summary", { class: "w-title" }, text.sections.settings), this.controls.element);
    // No headings: the page's own have levels that can't be known here.
    const section = (title: string, part: string, content: HTMLElement): HTMLElement =>
      html("div", { class: "w-section", part, role: "group", "aria-label": title }, html("p", { class: "w-title" }, title), content);
    const plot = section(text.sections.plot, "plot-section", this.#plot.element);
    const views = section(text.sections.views, "views-section", this.#strip.element);
    const { labelsElement, templateElement } = this.question;
    const question = html("div", { class: "w-question" }, labelsElement, templateElement);
    const bar = html("div", { class: "w-bar" }, this.run.buttons, this.run.device);
    const asked = html("div", { class: "w-column w-asked" }, this.picture.element, question);
    const answered = html("div", { class: "w-column" }, bar, this.run.status, this.#answer, this.#bars.element);
    this.element = html(
      "div",
      { class: "w-base", part: "base", role: "group", "aria-label": text.name, lang: strings.locale },
      html("div", { class: "w-head" }, html("slot", { name: "title" })),
      html("div", { class: "w-main" }, asked, answered),
      this.#settings,
      plot,
      views,
      this.#warnings,
      html("div", { class: "w-foot" }, html("slot", { name: "footer" })),
      this.#announcer,
    );
    this.#parts = new Map<HideablePart, HTMLElement>([
      ["picture", this.picture.element],
      ["labels", labelsElement],
      ["template", templateElement],
      ["buttons", this.run.buttons],
      ["device", this.run.device],
      ["status", this.run.status],
      ["answer", this.#answer],
      ["bars", this.#bars.element],
      ["settings", this.#settings],
      ["plot", plot],
      ["views", views],
    ]);
    this.picture.takeDropsOn(this.element);
    this.#watchStrip();
  }

  /** Leaves parts out. */
  hide(hidden: ReadonlySet<HideablePart>, isCompact: boolean): void {
    for (const [name, part] of this.#parts) part.hidden = hidden.has(name);
    this.element.classList.toggle("w-compact", isCompact);
    const asksNothing = (["picture", "labels", "template"] as const).every((part) => hidden.has(part));
    this.element.classList.toggle("w-asks-nothing", asksNothing);
  }

  get hasOpenSettings(): boolean {
    return this.#settings.open;
  }

  openSettings(): void {
    this.#settings.open = true;
  }

  /** Puts values into the settings, which tell of it, unless they are there. */
  showSettings(values: OptionValues): void {
    const shown = this.controls.values;
    const isSame = Object.entries(values).every(([name, value]) => shown[name as keyof OptionValues] === value);
    if (!isSame) this.controls.set(values);
  }

  showPicture(picture: ShownPicture | null): void {
    this.picture.show(picture);
  }

  show({ labels, knowledge, plannedSteps, plannedViews, isRunning }: Shown): void {
    const { before, beforeEntropy, steps, report } = knowledge;
    const after = steps.at(-1)?.prediction ?? null;
    this.#isRunning = isRunning;
    this.#bars.update({ labels, before, after });
    const finalState = report?.finalState ?? null;
    const last = report === null ? plannedSteps : steps.length;
    this.#plot.update({ series: entropySeries({ beforeEntropy, steps, finalState, plannedSteps: last }), labelCount: labels.length });
    const origin = [report, steps, knowledge.boxes];
    if (!sameItems(origin, this.#viewsOrigin)) this.#views = knownViews(knowledge);
    this.#viewsOrigin = origin;
    const picture = this.picture.picture?.source ?? null;
    this.#strip.update({ picture, views: this.#views ?? emptyFrames(plannedViews), encoded: knowledge.viewsEncoded });
    this.#showViews();
    const parts = answerSentence({ labels, before, after, updates: steps.length }, this.#strings);
    this.#answer.replaceChildren(...parts.map((part) => (part.isLabel ? html("strong", { dir: "auto" }, part.text) : part.text)));
    const warnings = report?.warnings ?? [];
    this.#warnings.hidden = warnings.length === 0;
    this.#warnings.replaceChildren(...warnings.map((warning) => html("li", {}, warning.message)));
  }

  /** Tells what somebody who doesn't see the element would miss. */
  announce(message: string): void {
    // The same words twice would not be read again.
    this.#announcer.textContent = this.#announcer.textContent === message ? `${message}\u00a0` : message;
  }

  #watchStrip(): void {
    const point = (isPointedAt: boolean): void => {
      this.#isPointedAt = isPointedAt;
      this.#showViews();
    };
    const strip = this.#strip.element;
    strip.addEventListener("pointerenter", () => point(true));
    strip.addEventListener("pointerleave", () => point(false));
    strip.addEventListener("focusin", () => point(true));
    strip.addEventListener("focusout", () => point(false));
  }

  #point(view: number | null): void {
    if (view !== null && !this.#isPointedAt) return;
    this.picture.highlight(view);
  }

  /** At rest the picture is just the picture; the boxes lie over it while the views are computed, or somebody looks at them. */
  #showViews(): void {
    const isWanted = this.#isRunning || this.#isPointedAt;
    this.picture.showViews(isWanted ? this.#views : null);
    if (!isWanted) this.picture.highlight(null);
  }
}
