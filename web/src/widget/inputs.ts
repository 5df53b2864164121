/** What is asked for, from all sides: what people typed, what the attributes say, what a script gave, what was recorded. */

import type { OptionValues } from "../element/options.js";
import { classifyImage } from "../image.js";
import type { ImageInput, TtlOptions } from "../types.js";
import type { WantedPicture } from "./picture-holder.js";
import type { PosterHolder, Present } from "./poster-holder.js";
import type { ReflectedElement } from "./reflected-element.js";
import type { RunSettings } from "./session.js";
import { controlValues, fromControls, runSettings } from "./settings.js";
import type { EngineRequest } from "./shared-engines.js";

/** A picture that a person or a script gave. */
export interface GivenPicture extends Omit<WantedPicture, "alt"> {
  /** What it shows in words; undefined where an `<img>` says that itself, or else the attribute. */
  readonly alt: string | undefined;
}

export class Inputs {
  readonly #host: ReflectedElement;
  readonly #recording: PosterHolder;
  /** What people have typed: it counts more than the attributes. */
  typed: { readonly labels: readonly string[]; readonly template: string } | null = null;
  /** A picture that a person or a script gave: it counts more than what the attributes say. */
  given: GivenPicture | null = null;
  /** Settings that a script gave. */
  #scripted: TtlOptions = {};
  /** Settings that somebody chose by the controls since then. */
  #chosen: TtlOptions = {};

  constructor(host: ReflectedElement, recording: PosterHolder) {
    this.#host = host;
    this.#recording = recording;
  }

  /** Settings that a script gave, or somebody chose, and that no attribute holds. */
  get options(): TtlOptions {
    return { ...this.#scripted, ...this.#chosen };
  }

  set options(options: TtlOptions) {
    this.#scripted = { ...options };
    this.#chosen = {};
  }

  get labels(): readonly string[] {
    if (this.typed !== null) return this.typed.labels;
    return this.#host.hasAttribute("labels") ? this.#host.labels : (this.#recording.poster?.report.labels ?? this.#host.labels);
  }

  get template(): string {
    if (this.typed !== null) return this.typed.template;
    return this.#host.hasAttribute("template") ? this.#host.template : (this.#recording.poster?.report.template ?? this.#host.template);
  }

  /** The picture to show; `slotted` is the author's own `<img>`. */
  picture(slotted: HTMLImageElement | null): WantedPicture | null {
    const { src, alt } = this.#host;
    const { given } = this;
    if (given !== null) return { ...given, alt: given.alt ?? (ownAlt(given.input) || alt) };
    if (src !== "") return { input: src, alt };
    if (slotted !== null) return { input: slotted, alt: slotted.alt };
    const { poster } = this.#recording;
    return poster === null || poster.picture === null ? null : { input: poster.picture, alt: poster.alt };
  }

  /** What is asked now, to be held against what was recorded. An `<img>` is told from others by its address, which may change. */
  present(slotted: HTMLImageElement | null): Present {
    const input = this.picture(slotted)?.input ?? null;
    const picture = input !== null && input === slotted ? slotted.src || slotted.currentSrc : input;
    return { picture, isGiven: this.given !== null, labels: this.labels, template: this.template };
  }

  get engine(): EngineRequest {
    const { model, dtype, device, assetBase } = this.#host;
    return { model, dtype, device, assetBase: assetBase === "" ? null : assetBase };
  }

  /** What the controls show. */
  get values(): OptionValues {
    return controlValues(this.#host, this.options, this.#recorded);
  }

  get run(): RunSettings {
    return runSettings(this.#host, this.#method, { recorded: this.#recorded, given: this.#scripted, chosen: this.#chosen });
  }

  /** Takes what somebody chose by the controls: attributes hold what they can. Whether anything is another than before. */
  take(values: OptionValues): boolean {
    const before = this.values;
    const names = Object.keys(before) as (keyof OptionValues)[];
    if (names.every((name) => values[name] === before[name])) return false;
    this.#chosen = { ...this.#chosen, ...fromControls({ ...this.#recorded, ...this.options }, before, values) };
    for (const name of ["steps", "views", "seed"] as const) if (values[name] !== before[name]) this.#host[name] = values[name];
    if (values.device !== before.device) this.#host.device = values.device;
    return true;
  }

  get #method(): string {
    return this.#host.hasAttribute("method") ? this.#host.method : (this.#recording.poster?.report.method ?? this.#host.method);
  }

  /** The recorded run's settings; those of its views alone where another method is to run, to which the others mean something else. */
  get #recorded(): TtlOptions | null {
    const report = this.#recording.poster?.report;
    if (report?.method === this.#method) return report.options ?? null;
    const { views, cropScale, seed, chunkViews }: TtlOptions = report?.options ?? {};
    return { views, cropScale, seed, chunkViews };
  }
}

/** What an `<img>` says that it shows; empty for anything else. */
function ownAlt(input: ImageInput): string {
  return classifyImage(input) === "image-element" ? (input as HTMLImageElement).alt : "";
}
