/** The attributes of `<clip-ttl>` as properties. Text that makes no sense counts as not there. */

import { NUMBER_OPTIONS, type NumberOptionName } from "../element/options.js";
import type { DeviceChoice, WeightsChoice } from "../load-types.js";
import { DEFAULT_TEMPLATE } from "../template.js";
import {
  DEVICE_CHOICES,
  DTYPE_CHOICES,
  LOADING_CHOICES,
  readChoice,
  readHide,
  readLabels,
  readWhole,
  writeLabels,
  type HideablePart,
  type LoadingChoice,
} from "./attributes.js";

/** On a server there is no `HTMLElement`; the module can be imported there all the same. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

const DEFAULT_LABELS = "animals";

/** Attributes that change what an element is or does, also later. */
export const OBSERVED_ATTRIBUTES = [
  "model",
  "dtype",
  "device",
  "labels",
  "template",
  "src",
  "alt",
  "poster",
  "method",
  "steps",
  "views",
  "seed",
  "loading",
  "controls",
  "compact",
  "hide",
  "autorun",
  "asset-base",
  "lang",
] as const;

/** The properties that reflect them; `lang` is every element's. */
export const SETTABLE_PROPERTIES: readonly string[] = OBSERVED_ATTRIBUTES.filter((name) => name !== "lang").map((name) => (name === "asset-base" ? "assetBase" : name));

export class ReflectedElement extends Base {
  /** The model: `pocket`, a repository of the hub, or an address; see `ClipTtl.load`. */
  get model(): string {
    return this.getAttribute("model")?.trim() || "pocket";
  }

  set model(value: string) {
    this.setAttribute("model", value);
  }

  get dtype(): WeightsChoice {
    return readChoice(this.getAttribute("dtype"), DTYPE_CHOICES);
  }

  set dtype(value: WeightsChoice) {
    this.setAttribute("dtype", value);
  }

  get device(): DeviceChoice {
    return readChoice(this.getAttribute("device"), DEVICE_CHOICES);
  }

  set device(value: DeviceChoice) {
    this.setAttribute("device", value);
  }

  /** The labels that the attribute names. What people have typed since is in `currentLabels`. */
  get labels(): string[] {
    return readLabels(this.getAttribute("labels") ?? DEFAULT_LABELS);
  }

  /** A list, or text as in the attribute. */
  set labels(value: readonly string[] | string) {
    this.setAttribute("labels", typeof value === "string" ? value : writeLabels(value));
  }

  get template(): string {
    return this.getAttribute("template") ?? DEFAULT_TEMPLATE;
  }

  set template(value: string) {
    this.setAttribute("template", value);
  }

  /** Complete address of the picture, or empty. */
  get src(): string {
    const src = this.getAttribute("src")?.trim() ?? "";
    return src === "" ? "" : absolute(src, this.baseURI);
  }

  set src(value: string) {
    this.setAttribute("src", value);
  }

  get alt(): string {
    return this.getAttribute("alt") ?? "";
  }

  set alt(value: string) {
    this.setAttribute("alt", value);
  }

  /** Complete address of the recorded run, or empty. */
  get poster(): string {
    const poster = this.getAttribute("poster")?.trim() ?? "";
    return poster === "" ? "" : absolute(poster, this.baseURI);
  }

  set poster(value: string) {
    this.setAttribute("poster", value);
  }

  get method(): string {
    return this.getAttribute("method")?.trim() || "ttl";
  }

  set method(value: string) {
    this.setAttribute("method", value);
  }

  get steps(): number {
    return this.#number("steps");
  }

  set steps(value: number) {
    this.setAttribute("steps", String(value));
  }

  get views(): number {
    return this.#number("views");
  }

  set views(value: number) {
    this.setAttribute("views", String(value));
  }

  get seed(): number {
    return this.#number("seed");
  }

  set seed(value: number) {
    this.setAttribute("seed", String(value));
  }

  get loading(): LoadingChoice {
    return readChoice(this.getAttribute("loading"), LOADING_CHOICES);
  }

  set loading(value: LoadingChoice) {
    this.setAttribute("loading", value);
  }

  get controls(): boolean {
    return this.hasAttribute("controls");
  }

  set controls(value: boolean) {
    this.toggleAttribute("controls", value);
  }

  get compact(): boolean {
    return this.hasAttribute("compact");
  }

  set compact(value: boolean) {
    this.toggleAttribute("compact", value);
  }

  get autorun(): boolean {
    return this.hasAttribute("autorun");
  }

  set autorun(value: boolean) {
    this.toggleAttribute("autorun", value);
  }

  get hide(): HideablePart[] {
    return readHide(this.getAttribute("hide"));
  }

  /** A list, or text as in the attribute. */
  set hide(value: readonly HideablePart[] | string) {
    this.setAttribute("hide", typeof value === "string" ? value : value.join(" "));
  }

  /** Folder of the package's files, or empty where they are beside the script. */
  get assetBase(): string {
    const base = this.getAttribute("asset-base")?.trim() ?? "";
    return base === "" ? "" : absolute(base, this.baseURI);
  }

  set assetBase(value: string) {
    this.setAttribute("asset-base", value);
  }

  #number(name: NumberOptionName & ("steps" | "views" | "seed")): number {
    const option = NUMBER_OPTIONS.find((entry) => entry.name === name);
    return option === undefined ? 0 : readWhole(this.getAttribute(name), option, option.default);
  }
}

/** An address in full; one that can't be read stays as it is, and fails where it is used. */
function absolute(address: string, base: string): string {
  try {
    return new URL(address, base).href;
  } catch {
    return address;
  }
}
