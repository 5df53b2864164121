/** The models that this browser keeps for this site: how much they take, when they were last used, and a way to delete them. */

import type { CachedModel, CatalogueEntry, ModelStorage, StorageEstimate } from "clip-ttl";
import type { Announcer } from "./announcer.js";
import { byId, make, onPress, ProblemLine, setText } from "./page-dom.js";
import { messageOf } from "./problems.js";
import { formatSize } from "./sizes.js";
import { text } from "./strings.js";

export class StoredModels {
  readonly #announcer: Announcer;
  readonly #onChange: (models: readonly CachedModel[]) => void;
  readonly #title = byId("stored-title", HTMLElement);
  readonly #note = byId("stored-note", HTMLElement);
  readonly #list = byId("stored-list", HTMLElement);
  readonly #deleteAll = byId("stored-delete-all", HTMLButtonElement);
  readonly #problem = new ProblemLine(byId("stored-problem", HTMLElement));
  #models: readonly CachedModel[] = [];
  #refreshing: Promise<void> = Promise.resolve();

  /** `onChange` is told of the models whenever they have been looked at. */
  constructor(announcer: Announcer, onChange: (models: readonly CachedModel[]) => void) {
    this.#announcer = announcer;
    this.#onChange = onChange;
    onPress(this.#deleteAll, () => void this.#clear());
  }

  get models(): readonly CachedModel[] {
    return this.#models;
  }

  /** Looks at what is there, and shows it. Never rejects. One look after the other, so that the last one is what is shown. */
  refresh(): Promise<void> {
    this.#refreshing = this.#refreshing.then(() => this.#look());
    return this.#refreshing;
  }

  async #look(): Promise<void> {
    try {
      const { CATALOGUE, modelStorage } = await import("clip-ttl");
      if (await isRefused()) {
        this.#show([], CATALOGUE, text.model.stored.refused);
        return;
      }
      const [models, estimate] = await Promise.all([modelStorage.list(), modelStorage.estimate()]);
      this.#show(models, CATALOGUE, describeEstimate(models, estimate));
    } catch (error) {
      this.#show([], [], messageOf(error));
    }
  }

  async #delete(model: CachedModel, title: string): Promise<void> {
    const index = this.#models.findIndex(({ key }) => key === model.key);
    await this.#change((storage) => storage.delete(model.key), text.model.stored.deleted(title, model.bytes));
    // The button is gone: the focus goes on to the next one, or back to the heading.
    const buttons = this.#list.querySelectorAll("button");
    (buttons[Math.min(index, buttons.length - 1)] ?? this.#title).focus();
  }

  async #clear(): Promise<void> {
    const bytes = this.#models.reduce((sum, model) => sum + model.bytes, 0);
    await this.#change((storage) => storage.clear(), text.model.stored.deletedAll(bytes));
    this.#title.focus();
  }

  async #change(work: (storage: ModelStorage) => Promise<void>, message: string): Promise<void> {
    this.#problem.clear();
    try {
      const { modelStorage } = await import("clip-ttl");
      await work(modelStorage);
      this.#announcer.say(message);
    } catch (error) {
      this.#problem.show(messageOf(error));
    }
    await this.refresh();
  }

  #show(models: readonly CachedModel[], catalogue: readonly CatalogueEntry[], note: string): void {
    // Rows that say the same are left alone: somebody may be about to press one of their buttons.
    const isNew = JSON.stringify(models) !== JSON.stringify(this.#models);
    this.#models = models;
    setText(this.#note, note);
    this.#list.hidden = models.length === 0;
    this.#deleteAll.hidden = models.length < 2;
    if (isNew) this.#fillList(models, catalogue);
    this.#onChange(models);
  }

  /** Leaves the focus on the button that it was on. */
  #fillList(models: readonly CachedModel[], catalogue: readonly CatalogueEntry[]): void {
    const focused = [...this.#list.children].find((row) => row.contains(document.activeElement));
    const focusedKey = focused instanceof HTMLElement ? focused.dataset["key"] : undefined;
    const rows = models.map((model) => this.#row(model, catalogue.find(({ id }) => id === model.name)?.title ?? model.name));
    this.#list.replaceChildren(...rows);
    if (focusedKey !== undefined) rows.find((row) => row.dataset["key"] === focusedKey)?.querySelector("button")?.focus();
  }

  #row(model: CachedModel, title: string): HTMLElement {
    const words = text.model.stored;
    const button = make("button", { type: "button", class: "button" }, words.delete, make("span", { class: "unseen" }, ` ${title}, ${text.model.dtype(model.dtype)}`));
    onPress(button, () => void this.#delete(model, title));
    const facts = [formatSize(model.bytes), text.model.dtype(model.dtype), ...(model.complete ? [] : [words.incomplete])].join(", ");
    return make(
      "li",
      { class: "model-entry", "data-key": model.key },
      make(
        "div",
        {},
        make("h4", {}, title),
        make("p", { class: "note" }, facts),
        make("p", { class: "note" }, words.dates(model.lastUsedAt, model.createdAt)),
      ),
      button,
    );
  }
}

/** What is stored, in a sentence or two. */
function describeEstimate(models: readonly CachedModel[], { modelBytes, usedBytes, quotaBytes }: StorageEstimate): string {
  const words = text.model.stored;
  const kept = models.length === 0 ? words.none : words.kept(models.length, modelBytes);
  return usedBytes === null || quotaBytes === null ? kept : `${kept} ${words.estimate(usedBytes, quotaBytes)}`;
}

/** Whether this page may store nothing: private windows, embedded pages and pages without encryption may not. */
async function isRefused(): Promise<boolean> {
  try {
    // Whatever it is asked for, the question itself is refused where storing is.
    await caches.has("clip-ttl-models");
    return crypto.subtle === undefined;
  } catch {
    return true;
  }
}
