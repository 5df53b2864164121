/** The settings of a run: the controls, a note of what differs from the paper, and what was measured to serve the model that ships better. */

import { changedOptions, Controls, defaultValues, english, type OptionName, type OptionValues } from "clip-ttl/element";
import { byId, setText } from "./page-dom.js";
import { LARGER_STEP } from "./presets.js";
import { text } from "./strings.js";

export class SettingsPanel {
  readonly controls: Controls;
  /** Folded until somebody opens it, or a setting has to be corrected. */
  readonly #element = byId("settings", HTMLDetailsElement);
  readonly #note = byId("settings-note", HTMLElement);

  /** `changed` gets the values whenever all of them are allowed. */
  constructor(changed: (values: OptionValues) => void) {
    this.controls = new Controls((values) => {
      this.#describe(values);
      changed(values);
    });
    byId("controls", HTMLElement).append(this.controls.element);
    byId("larger-step", HTMLButtonElement).addEventListener("click", () => {
      const { seed, device } = this.controls.values;
      this.controls.set({ ...defaultValues(), ...LARGER_STEP, seed, device });
    });
    this.#describe(this.controls.values);
  }

  get values(): OptionValues {
    return this.controls.values;
  }

  /** Shows an error beside the setting that caused it, and puts the focus there: the settings lie far below what the reader looks at. */
  showError(name: OptionName, message: string): void {
    this.#element.open = true;
    this.controls.showError(name, message);
    this.focusInvalid();
  }

  /** Puts the focus on the first setting that has to be corrected; returns whether there is one. */
  focusInvalid(): boolean {
    const invalid = this.controls.firstInvalid;
    if (invalid === null) return false;
    this.#element.open = true;
    invalid.focus();
    return true;
  }

  #describe(values: OptionValues): void {
    const changed = changedOptions(values);
    const words = changed.map((name) => english.controls.options[name].label.toLowerCase()).join(", ");
    const isLargerStep = changed.every((name) => values[name] === LARGER_STEP[name]);
    const differing = isLargerStep ? text.settings.largerStep(words) : english.controls.changed(words);
    setText(this.#note, changed.length === 0 ? english.controls.asInPaper : differing);
  }
}
