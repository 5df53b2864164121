/** Everything that can go wrong, by a stable code, and what one can do about it. This is the only place that knows both. */

/** Codes of errors that the engine (Rust) raises; its own message says what is wrong. */
const ENGINE_ADVICE = {
  "picture-unknown-format": "Use a PNG, JPEG, WebP, GIF or BMP file.",
  "picture-unsupported": "Open the picture in an image program, save it as an ordinary PNG or JPEG, and use that file.",
  "picture-corrupt": "Open the picture in an image program, save it again, and use that file.",
  "picture-too-large": "Make the picture smaller first: the model looks at a few hundred pixels at most.",
  "picture-empty": "Use a picture that has at least one pixel.",
  "picture-pixels": "Give width x height x 4 bytes: red, green, blue and alpha of each pixel, row by row.",
  "crop-outside": "Please report this: crops are made to lie within the picture.",
  "preprocessing-unsupported": "Use a checkpoint whose preprocessing is CLIP's.",
  "config-invalid": "Check that the address leads to the checkpoint's own config.json and not, say, to a web page about it.",
  "config-unsupported": "Use a CLIP with ViT image encoder in Hugging Face's layout.",
  "checkpoint-corrupt": "Download the weights again: the file is incomplete or not a .safetensors file.",
  "tensor-missing": "Use weights and config.json of the same checkpoint, in Hugging Face's layout.",
  "tensor-shape": "Use weights and config.json of the same checkpoint.",
  "tensor-dtype": "Convert the checkpoint to F32, F16 or BF16.",
  "tensor-not-finite": "Download the weights again, or use another checkpoint.",
  "tensor-range": 'Load with dtype "f32", or convert the checkpoint again.',
  "checkpoint-too-large": 'Use a smaller model, or a smaller dtype: "q8" or "q4".',
  "gpu-unavailable": 'Choose the device "cpu" or "auto", or use a browser with WebGPU.',
  "device-failed": 'Load again; if it happens again, choose the device "cpu".',
  shape: "Please report this, with the model's name and the settings.",
  "token-outside-vocabulary": "Use weights and config.json of the same checkpoint, with CLIP's own vocabulary.",
  "adapter-unsupported": "Choose other settings for rank, layers or targets.",
  "adapter-invalid":
    "Use adapter_model.safetensors and adapter_config.json of one LoRA adapter that PEFT or this page has saved, with the model it was trained on.",
  "adapter-missing": "Ask for the adapter of a run that has reached its end, with a method that trains one: ttl, or prompt-align with the base ttl.",
  "labels-none": "Write at least one label; to adapt, at least two.",
  "label-empty": "Remove the empty label, or write something there.",
  "label-duplicate": "Remove one of the two.",
  "labels-too-few": "Add a label: what the picture might show instead.",
  "template-invalid": 'Put {} where the label goes, as in "a photo of a {}."',
  "option-invalid": "Choose a value within the range.",
  "method-unknown": "Use one of the methods that methods() lists: ttl, tpt, c-tpt, tps, zero, mta and so on.",
  "statistics-missing": "Use the pocket model, or give load the statistics that `clip-ttl stats` makes with the model that you use.",
  "statistics-invalid": "Use statistics that were computed with this very model.",
  "template-without-context": "Put at least one word before the {}: this method trains the words there.",
  "features-invalid": "Use features of this model, as many views and labels as were asked for.",
  "episode-over": "Start a new run.",
  "episode-running": "Wait until the run has ended.",
  "recording-invalid": "Use an episode that tests/oracle has recorded.",
  "argument-invalid": "Check the options against the documentation.",
  "engine-busy": "Wait until what the engine is doing has ended.",
  "model-missing": "Load a model first.",
} as const satisfies Record<string, string>;

/** Codes of errors that arise on the way to the engine, around it, or with its end. */
const HOST_ADVICE = {
  "image-unsupported":
    "Give a File, Blob, URL, ArrayBuffer, ImageData, ImageBitmap, an <img> or a <canvas>.",
  "url-invalid": "Use an address that begins with https://, http://, data: or blob:.",
  network: "Check the address and the connection, then try again.",
  cors: "Its server does not let other sites read it. Download the file, and open it from your device instead.",
  "http-status": "Check the address.",
  "model-unknown":
    'Use "pocket", a repository as "owner/name", the address of a .safetensors file, a local file or folder, or { name, config, weights }.',
  "model-unauthorized":
    "Check the name. If the model is private, or wants its terms accepted, download it while signed in there, and open it from your device.",
  "model-not-found": "Check the name and the revision on the hub's page of the model.",
  "model-incomplete":
    'Convert the checkpoint with "clip-ttl convert", and open the file that it writes; or use a checkpoint that has model.safetensors.',
  "model-unavailable": "Wait a minute, then try again: its server has too much to do, or is broken.",
  "checkpoint-changed": "Load again; if it happens again, name a commit as the revision: owner/name@commit.",
  "storage-unavailable": "Allow this site to store data, or go on without: models are then downloaded each time.",
  cancelled: "Start again whenever you like.",
  disposed: "Call ClipTtl.load() again.",
  "engine-crashed": "Load again to go on, and please report this with the message.",
  "out-of-memory": "Close other tabs, or use a smaller model, a smaller picture or fewer views at once (chunkViews).",
  "engine-stalled": "Load again, with fewer views at once (chunkViews) or on another device.",
  "adapter-gone": "Ask for the adapter before the next run begins, or run again with the same seed.",
  "device-lost": 'Load again with the device "cpu" to go on without the graphics card.',
  "wasm-unsupported": "Update the browser: Chrome 96, Firefox 114, Safari 16.4 or newer is needed.",
  "wasm-failed": "Reload the page. If the site has a Content-Security-Policy, it must allow 'wasm-unsafe-eval'.",
  "worker-failed":
    "Check that worker.js, clip_ttl.js and clip_ttl_cpu.js are served beside index.js (see setAssetBase), and that the page's Content-Security-Policy allows workers (see setWorkerUrl).",
  unknown: "Please report this, with the message and what led to it.",
} as const satisfies Record<string, string>;

/** Stable names of all errors. */
export type ErrorCode = keyof typeof ENGINE_ADVICE | keyof typeof HOST_ADVICE;

const ADVICE: Readonly<Record<ErrorCode, string>> = { ...ENGINE_ADVICE, ...HOST_ADVICE };

/** All codes, in the order in which they are documented. */
export const ERROR_CODES = Object.keys(ADVICE) as readonly ErrorCode[];

/** What one can do about an error. */
export function adviceFor(code: ErrorCode): string {
  return ADVICE[code];
}

/** Whether a string is one of the codes. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ADVICE, code);
}

/** An error of this package: `code` for programs; `message` for people, with what they can do. */
export class ClipTtlError extends Error {
  override readonly name = "ClipTtlError";
  readonly code: ErrorCode;
  /** What is wrong, without the advice. */
  readonly reason: string;
  /** With the code `option-invalid`, the name of the setting; else null. */
  readonly option: string | null;

  constructor(code: ErrorCode, reason: string, details: ErrorDetails = {}) {
    super(`${asSentence(reason)} ${ADVICE[code]}`, details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.reason = reason;
    this.option = details.option ?? null;
  }
}

/** What an error may carry besides its code and reason. */
export interface ErrorDetails {
  readonly cause?: unknown;
  readonly option?: string | null;
}

/** An error as it travels between worker and page. */
export interface WireError {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly option: string | null;
  /** For developers: the stack where it arose. */
  readonly detail: string | null;
}

/** Makes an error ready for `postMessage`. Errors of the engine have a `code`; anything else gets `fallback`. */
export function toWire(error: unknown, fallback: ErrorCode = "unknown"): WireError {
  const detail = error instanceof Error ? (error.stack ?? null) : null;
  if (error instanceof ClipTtlError) return { code: error.code, reason: error.reason, option: error.option, detail };
  const code = isErrorCode(property(error, "code")) ? (property(error, "code") as ErrorCode) : fallback;
  const option = property(error, "option");
  const reason = error instanceof Error ? error.message : String(error);
  return { code, reason, option: typeof option === "string" ? option : null, detail };
}

/** The error that came out of the worker. */
export function fromWire(error: WireError): ClipTtlError {
  return new ClipTtlError(error.code, error.reason, { option: error.option, cause: error.detail ?? undefined });
}

/** The error of something that was called off, with what `AbortController.abort()` was given as its cause. */
export function cancelled(what: string, signal?: AbortSignal): ClipTtlError {
  return new ClipTtlError("cancelled", `${what} was cancelled`, { cause: signal?.reason });
}

/** Whatever was thrown, as an error of this package. */
export function asClipTtlError(error: unknown): ClipTtlError {
  if (error instanceof ClipTtlError) return error;
  return new ClipTtlError("unknown", error instanceof Error ? error.message : String(error), { cause: error });
}

/** The engine's messages begin small and end without a full stop, so that they can stand within others. Names keep their spelling. */
function asSentence(text: string): string {
  const trimmed = text.trim();
  const ended = /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
  return /^[a-z]+([ ,]|: )/.test(ended) ? ended.charAt(0).toUpperCase() + ended.slice(1) : ended;
}

function property(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}
