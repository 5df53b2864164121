/** A page's state in its address: takes up what a link says, and keeps the address in step with what the page has. */

import type { LabelsPanel } from "./labels-panel.js";
import { OWN_PICTURE, showInAddress, type PageLink } from "./link.js";
import { LinkNote } from "./link-note.js";
import { byId } from "./page-dom.js";
import type { PicturePanel } from "./picture-panel.js";
import { DEFAULT_TEMPLATE } from "./presets.js";
import { text } from "./strings.js";

/** A page whose state a link can bring back. */
export interface LinkedPage {
  readonly pictures: PicturePanel;
  readonly labels: LabelsPanel;
  /** Puts what the part of an address behind `#` says into the page, all but the picture. */
  takeUp(hash: string): TakenUp;
  /** That part, without `#`, of a link that brings the page back as it is. */
  present(): string;
}

/** What is left of a link. */
export interface TakenUp {
  /** The picture that it names; null where it names none. */
  readonly picture: string | null;
  /** What it asks for and can't have, in words. */
  readonly notes: readonly string[];
}

export class PageAddress {
  readonly #page: LinkedPage;
  readonly #note = new LinkNote(byId("page-link-note", HTMLElement));
  /** What the page began with, without anybody's doing; while that is all there is, the address stays plain. */
  #initial: string | null = null;
  /** While a link is being followed, nothing is written into the address; until the first one is, there is nothing to write. */
  #isFollowing = true;
  /** Only the last of several links that come in a row counts. */
  #turn = 0;

  constructor(page: LinkedPage) {
    this.#page = page;
    window.addEventListener("hashchange", () => {
      // A jump within the page has taken the link's place in the address.
      if (location.hash.includes("=")) void this.follow();
      else this.changed();
    });
  }

  /** Takes up what the address says. Without any picture, the first sample is taken. */
  async follow(): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    this.#isFollowing = true;
    const { picture, notes } = this.#page.takeUp(location.hash);
    const isOwn = picture === OWN_PICTURE;
    this.#note.show(notes.length > 0 ? [text.link.ignored(notes)] : [], isOwn);
    const isKnown = await this.#page.pictures.offerSamples(isOwn ? "" : picture);
    if (turn !== this.#turn) return;
    const { sample } = this.#page.pictures;
    if (sample !== null) this.#page.labels.linkedWith(sample.labels);
    if (!isKnown && !isOwn) this.#note.show([text.link.ignored([...notes, text.link.noPicture(picture ?? "")])], false);
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
    const said = this.#page.present();
    this.#initial ??= said;
    if (said !== this.#initial || location.hash.includes("=")) showInAddress(said);
  }
}

/** Picture and question of a page, as a link says them. */
export function linkedQuestion(pictures: PicturePanel, { labels, template }: LabelsPanel): Pick<PageLink, "picture" | "labels" | "template"> {
  return {
    picture: pictures.sampleFile ?? (pictures.hasPicture ? OWN_PICTURE : null),
    labels: labels.length === 0 ? null : labels,
    template: template === DEFAULT_TEMPLATE || !template.includes("{}") ? null : template,
  };
}
