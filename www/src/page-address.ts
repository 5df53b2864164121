/** The demo's state in its address: takes up what a link says, and keeps the address, and the way to the lesson, in step. */

import { defaultValues, type Controls, type OptionValues } from "clip-ttl/element";
import type { LabelsPanel } from "./labels-panel.js";
import { EMPTY_LINK, formatPageLink, isEmptyLink, OWN_PICTURE, readPageLink, settingsBut, showInAddress, type PageLink } from "./link.js";
import { LinkNote } from "./link-note.js";
import { byId } from "./page-dom.js";
import type { PicturePanel } from "./picture-panel.js";
import { DEFAULT_TEMPLATE } from "./presets.js";
import { text } from "./strings.js";

/** The parts of the page that a link is about. */
export interface LinkedParts {
  readonly pictures: PicturePanel;
  readonly labels: LabelsPanel;
  readonly controls: Controls;
}

export class PageAddress {
  readonly #parts: LinkedParts;
  readonly #walk = byId("walk", HTMLAnchorElement);
  readonly #note = new LinkNote(byId("page-link-note", HTMLElement));
  /** What the page began with, without anybody's doing; while that is all there is, the address stays plain. */
  #initial: string | null = null;
  /** Until the first link is followed there is nothing to keep in step. */
  #isFollowing = true;
  /** Only the last of several links that come in a row counts. */
  #turn = 0;

  constructor(parts: LinkedParts) {
    this.#parts = parts;
    window.addEventListener("hashchange", () => {
      // A jump within the page has taken the link's place in the address.
      if (location.hash.includes("=")) void this.follow();
      else this.changed();
    });
  }

  /**
   * Takes up what the address says; what it doesn't say stays, but for the prompt and the settings: a link leaves their defaults out. Without any
   * picture, the first sample is taken.
   */
  async follow(): Promise<void> {
    const { pictures, labels, controls } = this.#parts;
    const link = readPageLink(location.hash);
    this.#turn += 1;
    const turn = this.#turn;
    this.#isFollowing = true;
    labels.set(link.labels, isEmptyLink(link) ? null : (link.template ?? DEFAULT_TEMPLATE));
    if (Object.keys(link.settings).length > 0) controls.set({ ...numbersOf(defaultValues()), ...link.settings });
    const isOwn = link.picture === OWN_PICTURE;
    this.#note.show(link.notes.length > 0 ? [text.link.ignored(link.notes)] : [], isOwn);
    const isKnown = await pictures.offerSamples(link.picture === null ? null : isOwn ? "" : link.picture);
    if (turn !== this.#turn) return;
    if (!isKnown && !isOwn) this.#note.show([text.link.ignored([...link.notes, text.link.noPicture(link.picture ?? "")])], false);
    this.#isFollowing = false;
    this.changed();
  }

  /** There is a picture now, whatever a link lacks. */
  pictureChosen(): void {
    this.#note.pictureChosen();
  }

  /** Something that a link says has changed. */
  changed(): void {
    if (this.#isFollowing) return;
    const link = this.#present;
    const said = formatPageLink(link);
    this.#walk.href = `./lesson.html${location.search}#${said}`;
    this.#initial ??= said;
    if (said !== this.#initial || location.hash.includes("=")) showInAddress(link);
  }

  get #present(): PageLink {
    const { pictures, labels, controls } = this.#parts;
    const { template } = labels;
    const values = numbersOf(controls.values);
    const { sampleFile } = pictures;
    return {
      ...EMPTY_LINK,
      picture: sampleFile ?? (pictures.hasPicture ? OWN_PICTURE : null),
      labels: labels.labels.length === 0 ? null : labels.labels,
      template: template === DEFAULT_TEMPLATE || !template.includes("{}") ? null : template,
      settings: { ...settingsBut(numbersOf(defaultValues()), values), seed: values.seed },
    };
  }
}

function numbersOf({ device: _device, ...numbers }: OptionValues): Omit<OptionValues, "device"> {
  return numbers;
}
