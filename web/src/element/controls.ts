/** The settings panel: a slider with a number field for each option of the table, one line of explanation each. */

import type { DeviceChoice } from "../load-types.js";
import { html, setText, uniqueId } from "./dom.js";
import { formatPlain } from "./format.js";
import {
  DEVICE_CHOICES,
  defaultValues,
  fromSlider,
  isAllowed,
  NUMBER_OPTIONS,
  toSlider,
  type NumberOption,
  type NumberOptionName,
  type OptionName,
  type OptionValues,
} from "./options.js";
import { english, type Strings } from "./strings.js";

interface NumberControl {
  readonly option: NumberOption;
  readonly element: HTMLElement;
  readonly field: HTMLInputElement;
  readonly slider: HTMLInputElement | null;
  readonly error: HTMLElement;
}

export class Controls {
  readonly element: HTMLElement;
  readonly #strings: Strings;
  readonly #onChange: (values: OptionValues) => void;
  readonly #numbers = new Map<NumberOptionName, NumberControl>();
  readonly #device: HTMLSelectElement;
  readonly #deviceError: HTMLElement;
  #values: OptionValues = defaultValues();

  /** `onChange` gets the values whenever all of them are allowed. */
  constructor(onChange: (values: OptionValues) => void, strings: Strings = english) {
    this.#strings = strings;
    this.#onChange = onChange;
    const text = strings.controls;
    this.#deviceError = html("p", { class: "ct-control-error", id: uniqueId("ct-error"), hidden: true });
    this.#device = html("select", {}, ...DEVICE_CHOICES.map((choice) => html("option", { value: choice }, text.devices[choice])));
    for (const option of NUMBER_OPTIONS) this.#numbers.set(option.name, this.#buildNumber(option));
    const reset = html("button", { type: "button", class: "ct-link" }, text.reset);
    reset.addEventListener("click", () => this.set(defaultValues()));
    this.element = html(
      "div",
      { class: "ct-controls", part: "controls", role: "group", "aria-label": text.group },
      html("div", { class: "ct-controls-grid" }, ...[...this.#numbers.values()].map((control) => control.element), this.#buildDevice()),
      reset,
    );
  }

  get values(): OptionValues {
    return this.#values;
  }

  /** The first control whose text isn't an allowed value, or null. */
  get firstInvalid(): HTMLElement | null {
    for (const control of this.#numbers.values()) {
      if (control.field.getAttribute("aria-invalid") === "true") return control.field;
    }
    return null;
  }

  /** Puts values into the controls and reports them. */
  set(values: Partial<OptionValues>): void {
    this.#values = { ...this.#values, ...values };
    for (const control of this.#numbers.values()) {
      this.#write(control, this.#values[control.option.name], "both");
      this.#showNumberError(control, "");
    }
    this.#device.value = this.#values.device;
    this.showError("device", "");
    this.#onChange(this.#values);
  }

  /** Sets one number as if the reader had; returns whether it is allowed. */
  trySet(name: NumberOptionName, value: number): boolean {
    const control = this.#numbers.get(name);
    if (control === undefined || !isAllowed(control.option, value)) return false;
    this.#write(control, value, "field");
    this.#take(control, value, "slider");
    return true;
  }

  /** Shows an error beside the control that caused it; an empty message takes it away. */
  showError(name: OptionName, message: string): void {
    if (name === "device") {
      setText(this.#deviceError, message);
      this.#deviceError.hidden = message === "";
      this.#device.setAttribute("aria-invalid", String(message !== ""));
      return;
    }
    const control = this.#numbers.get(name);
    if (control !== undefined) this.#showNumberError(control, message);
  }

  #buildNumber(option: NumberOption): NumberControl {
    const words = this.#strings.controls.options[option.name];
    const [fieldId, explanationId, errorId] = [uniqueId("ct-field"), uniqueId("ct-help"), uniqueId("ct-error")];
    const described = { "aria-describedby": `${explanationId} ${errorId}` };
    const error = html("p", { class: "ct-control-error", id: errorId, hidden: true });
    // A text field: number fields lose what was typed where it isn't a number, and change under the scroll wheel.
    const field = html("input", {
      type: "text",
      inputmode: option.isWhole ? "numeric" : "decimal",
      id: fieldId,
      class: "ct-number",
      autocomplete: "off",
      spellcheck: "false",
      ...described,
    });
    const slider = option.hasSlider
      ? html("input", {
          type: "range",
          min: toSlider(option, option.min),
          max: toSlider(option, option.max),
          step: option.step,
          "aria-label": this.#strings.controls.slider(words.label),
          "aria-describedby": explanationId,
        })
      : null;
    const seedButton = html("button", { type: "button", class: "ct-link ct-control-seed" }, this.#strings.controls.newSeed);
    const element = html(
      "div",
      { class: "ct-control", "data-option": option.name },
      html(
        "div",
        { class: "ct-control-head" },
        html("label", { for: fieldId }, words.label),
        ...(words.unit === "" ? [] : [html("span", { class: "ct-soft ct-control-unit" }, words.unit)]),
        field,
      ),
      slider ?? seedButton,
      html("p", { class: "ct-control-explanation ct-soft", id: explanationId }, words.explanation),
      error,
    );
    const control: NumberControl = { option, element, field, slider, error };
    this.#write(control, option.default, "both");
    field.addEventListener("input", () => this.#takeField(control));
    slider?.addEventListener("input", () => this.#take(control, fromSlider(option, Number(slider.value)), "field"));
    seedButton.addEventListener("click", () => this.#take(control, Math.floor(Math.random() * 1_000_000), "field"));
    return control;
  }

  #buildDevice(): HTMLElement {
    const words = this.#strings.controls.options.device;
    const [id, explanationId] = [uniqueId("ct-field"), uniqueId("ct-help")];
    this.#device.id = id;
    this.#device.setAttribute("aria-describedby", `${explanationId} ${this.#deviceError.id}`);
    this.#device.addEventListener("change", () => {
      const device: DeviceChoice = DEVICE_CHOICES.find((choice) => choice === this.#device.value) ?? "auto";
      this.set({ ...this.#values, device });
    });
    return html(
      "div",
      { class: "ct-control", "data-option": "device" },
      html("div", { class: "ct-control-head" }, html("label", { for: id }, words.label)),
      this.#device,
      html("p", { class: "ct-control-explanation ct-soft", id: explanationId }, words.explanation),
      this.#deviceError,
    );
  }

  #takeField(control: NumberControl): void {
    const typed = control.field.value.trim().replace(",", ".");
    const value = typed === "" ? Number.NaN : Number(typed);
    const { option } = control;
    if (isAllowed(option, value)) {
      this.#take(control, value, "slider");
      return;
    }
    const text = this.#strings.controls;
    const [min, max] = [formatPlain(option.min), String(option.max)];
    this.#showNumberError(control, option.isWhole ? text.notWhole(min, max) : text.outOfRange(min, max));
  }

  #take(control: NumberControl, value: number, write: "field" | "slider"): void {
    this.#values = { ...this.#values, [control.option.name]: value };
    this.#write(control, value, write);
    this.#showNumberError(control, "");
    this.#onChange(this.#values);
  }

  #write(control: NumberControl, value: number, where: "field" | "slider" | "both"): void {
    const { option, field, slider } = control;
    const text = option.isWhole ? String(value) : formatPlain(value);
    if (where !== "slider") field.value = text;
    if (slider !== null && where !== "field") slider.value = String(toSlider(option, value));
    slider?.setAttribute("aria-valuetext", text);
    control.element.classList.toggle("ct-control-changed", value !== option.default);
  }

  #showNumberError(control: NumberControl, message: string): void {
    setText(control.error, message);
    control.error.hidden = message === "";
    control.field.setAttribute("aria-invalid", String(message !== ""));
  }
}
