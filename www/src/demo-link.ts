/** What a link says of the demo: picture, labels, prompt and settings. The way to the lesson says the same. */

import { defaultValues, type Controls, type OptionValues } from "clip-ttl/element";
import type { LabelsPanel } from "./labels-panel.js";
import { EMPTY_LINK, formatPageLink, isEmptyLink, readPageLink, settingsBut } from "./link.js";
import { linkedQuestion, type LinkedPage, type TakenUp } from "./page-address.js";
import { byId } from "./page-dom.js";
import type { PicturePanel } from "./picture-panel.js";
import { DEFAULT_TEMPLATE } from "./presets.js";

/** The parts of the page that a link is about. */
export interface LinkedParts {
  readonly pictures: PicturePanel;
  readonly labels: LabelsPanel;
  readonly controls: Controls;
}

export class DemoLink implements LinkedPage {
  readonly pictures: PicturePanel;
  readonly labels: LabelsPanel;
  readonly #controls: Controls;
  readonly #walk = byId("walk", HTMLAnchorElement);

  constructor({ pictures, labels, controls }: LinkedParts) {
    this.pictures = pictures;
    this.labels = labels;
    this.#controls = controls;
  }

  /** What the link doesn't say stays, but for the prompt and the settings: a link leaves their defaults out. */
  takeUp(hash: string): TakenUp {
    const link = readPageLink(hash);
    const isEmpty = isEmptyLink(link);
    this.labels.set(link.labels, isEmpty ? null : (link.template ?? DEFAULT_TEMPLATE));
    if (!isEmpty) this.#controls.set({ ...numbersOf(defaultValues()), ...link.settings });
    return link;
  }

  present(): string {
    const values = numbersOf(this.#controls.values);
    const settings = { ...settingsBut(numbersOf(defaultValues()), values), seed: values.seed };
    const said = formatPageLink({ ...EMPTY_LINK, ...linkedQuestion(this.pictures, this.labels), settings });
    this.#walk.href = `./lesson.html${location.search}#${said}`;
    return said;
  }
}

function numbersOf({ device: _device, ...numbers }: OptionValues): Omit<OptionValues, "device"> {
  return numbers;
}
