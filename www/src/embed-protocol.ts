/**
 * What an embedded `embed.html` and the page around it say to each other by `postMessage`.
 *
 * The embedded page tells only one origin: that of the parameter `parent`, else of the page that it was opened from. Commands are taken
 * from the page around it alone, and only if that has this origin. Everything else is ignored without a word. Pages without an origin of
 * their own (files, sandboxed ones) can't be told anything.
 */

import type { EpisodeReport, StepReport } from "clip-ttl";
import type { EmbedParameters } from "./embed-parameters.js";

/** Both sides leave alone what has another. It changes when a message of the same name comes to mean something else. */
export const EMBED_PROTOCOL_VERSION = 1;

/** What the embedded page tells. */
export type EmbedMessage = {
  /** Tells these messages from others that a page may get. */
  readonly source: "clip-ttl";
  readonly version: typeof EMBED_PROTOCOL_VERSION;
} & EmbedNews;

export type EmbedNews =
  /** Commands are taken from now on; model and engine are not fetched yet. */
  | { readonly type: "ready" }
  /** The height that shows everything, in CSS pixels: at the beginning, whenever it changes, and when `measure` asks for it. */
  | { readonly type: "height"; readonly height: number }
  /** How far loading, or a run, has come: `share` is from 0 to 1, null where it can't be told. */
  | { readonly type: "progress"; readonly phase: "load" | "run"; readonly share: number | null }
  /** One update was made. */
  | { readonly type: "step"; readonly step: StepReport }
  /** A run has ended. The report has labels and numbers, but nothing of the picture. */
  | { readonly type: "result"; readonly report: EpisodeReport }
  /** Something went wrong: while loading or running, with the address' parameters, or with a `set`. `code` is stable, `message` is for people. */
  | { readonly type: "error"; readonly code: string; readonly message: string };

/** What the page around it may ask for. */
export type EmbedCommand = {
  readonly target: "clip-ttl";
  readonly version: typeof EMBED_PROTOCOL_VERSION;
} & EmbedRequest;

export type EmbedRequest =
  /** Starts a run, as the button does. */
  | { readonly type: "run" }
  /** Ends the run that is under way. */
  | { readonly type: "cancel" }
  /** Changes parameters, which mean what they mean in the address; null takes one back. All or, where one is wrong, none are changed. */
  | { readonly type: "set"; readonly parameters: EmbedParameters }
  /** Asks for `height` once more: for pages that begin to listen late. */
  | { readonly type: "measure" };

/** The command that a message's data is, or null. Whoever can reach the page can send anything. */
export function readCommand(data: unknown): EmbedRequest | null {
  if (!isRecord(data) || data["target"] !== "clip-ttl" || data["version"] !== EMBED_PROTOCOL_VERSION) return null;
  switch (data["type"]) {
    case "run":
    case "cancel":
    case "measure":
      return { type: data["type"] };
    case "set": {
      const { parameters } = data;
      if (!isRecord(parameters)) return null;
      const values = Object.entries(parameters).map(([name, value]) => [name, typeof value === "number" ? String(value) : value] as const);
      if (!values.every(([, value]) => value === null || typeof value === "string")) return null;
      return { type: "set", parameters: Object.fromEntries(values) as EmbedParameters };
    }
    default:
      return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
