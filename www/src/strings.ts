/** The texts that the page writes while it runs; what never changes is in index.html. */

import { formatBytes, formatCount, formatDuration } from "clip-ttl/element";
import { formatSize } from "./sizes.js";

const LOCALE = "en";
const moment = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
/** How the number formats of weights are called where they need no explanation. */
const DTYPES = { auto: "as in its file", f32: "32 bits (f32)", f16: "16 bits (f16)", q8: "8 bits (q8)", q4: "4 bits (q4)" };

function count(amount: number, one: string, many: string): string {
  return amount === 1 ? `1 ${one}` : `${formatCount(amount, LOCALE)} ${many}`;
}

export const text = {
  device: {
    notYet: "Not loaded yet",
    loading: "Loading …",
    cpu: "Running on the CPU",
    webgpu: (name: string): string => (name === "" ? "Running on the GPU" : `Running on the GPU: ${name}`),
    software: (name: string): string => `Running on a software GPU: ${name}`,
    ranOn: (device: string): string => (device === "cpu" ? "CPU" : "GPU"),
  },
  status: {
    waiting: "The model loads in the background.",
    savingData: "Your browser is set to save data, so the model loads only when you press Run.",
    starting: "Starting the engine …",
    loading: (loadedBytes: number, totalBytes: number | null): string =>
      totalBytes === null ? `Loading the model: ${formatBytes(loadedBytes)}` : `Loading the model: ${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)}`,
    preparing: "Preparing the model …",
    interrupted: (reason: string): string => `Loading the model was interrupted (${reason}); another attempt follows.`,
    offline: "Waiting for the connection to come back.",
    ready: "Ready.",
    readyNoPicture: "Ready. Choose a picture to begin.",
    classifying: "Comparing the picture with the labels …",
    readingLabels: (done: number, total: number): string => `Reading labels: ${done} of ${total}`,
    queued: "The run starts as soon as the model is loaded.",
    encoding: (done: number, total: number): string => `Encoding views: ${done} of ${total}`,
    stepping: (step: number, steps: number, done: number, total: number): string => `Step ${step} of ${steps}: ${done} of ${total} views`,
    stepDone: (step: number, steps: number): string => `Step ${step} of ${steps} done`,
    measuring: (done: number, total: number): string => `Measuring the views once more: ${done} of ${total}`,
    busy: "The engine is still busy with something else …",
    running: "Starting the run …",
    cancelledEarly: "Cancelled.",
    cancelled: "Cancelled. The answer before adapting is still here.",
    cancelledKept: "Cancelled. The result from before is still here.",
    done: (steps: number, durationMs: number, device: string): string => `${count(steps, "update", "updates")} in ${formatDuration(durationMs)} on the ${device}.`,
    noMoreSteps: (steps: number): string => `A run makes at most ${count(steps, "step", "steps")}.`,
    reset: "Back to the answer before adapting.",
    inputsChanged: "The run was stopped because its input changed.",
    loadFailed: "The engine could not be started. Everything you entered is still here.",
    failed: "The run stopped. Everything you entered is still here.",
  },
  sentence: {
    empty: "The answer appears here.",
    before: "Before adapting, the answer is {first} ({before}).",
    stays: "The answer stays {first}: {before} before, {after} after {updates}.",
    changes: "The answer changed from {first} ({before}) to {second} ({after}) after {updates}.",
    updates: (updates: number): string => count(updates, "update", "updates"),
    former: (model: string, sentence: string): string => `With ${model}: ${sentence}`,
  },
  announce: {
    loaded: (model: string, device: string): string => (model === "" ? `Model loaded. ${device}.` : `Model loaded: ${model}. ${device}.`),
    classified: (label: string, percent: string): string => `Before adapting: ${label}, ${percent}.`,
    running: "Adapting.",
    entropy: (before: string, after: string): string => `The entropy of the prediction went from ${before} to ${after} nats.`,
  },
  picture: {
    none: "No picture yet. Nothing you choose is uploaded.",
    alt: (name: string): string => `Your picture: ${name}`,
    own: (name: string, width: number, height: number): string => `${name}, ${width} × ${height} pixels`,
    credit: (title: string, author: string, licence: string): string => `${title}, by ${author}, ${licence}`,
    sample: (title: string, outcome: string): string => `${title}: ${outcome}`,
    /** What comes of a sample, and the sign for it on the small picture. The page's text explains the signs. */
    outcomes: {
      right: { sign: "✓", words: "right at once" },
      corrected: { sign: "↑", words: "corrected by adapting" },
      worse: { sign: "↓", words: "made worse by adapting" },
      wrong: { sign: "✗", words: "stays wrong" },
    },
    pasted: "pasted picture",
    nameless: "picture",
    kept: "The picture from before is still here.",
    missing: "Choose a picture first: drop one, choose a file, or take a sample.",
    unreadable: (name: string): string => `“${name}” can’t be read as a picture. Use a PNG, JPEG, WebP, GIF or BMP file.`,
    damaged: (name: string): string => `“${name}” is damaged or incomplete. Open it in an image program, save it again, and use that file.`,
    tooLarge: (name: string, width: number, height: number): string =>
      `“${name}” is ${width} × ${height} pixels, too large to work on here. Make it smaller: at most 16,384 pixels a side and 64 million in all.`,
    nothingPasted: "There is no picture on the clipboard. Copy one, then press Ctrl+V (⌘V) on this page.",
    pasteRefused: "The browser didn’t let this page read the clipboard. Press Ctrl+V (⌘V) instead.",
    samplesFailed: "The sample pictures could not be loaded.",
    sampleFailed: (title: string): string => `The sample “${title}” could not be loaded. Check the connection and try again.`,
  },
  url: {
    notAnAddress: "That isn’t a web address. It should begin with https://.",
    unreachable:
      "That address could not be read: it is unreachable, or its site doesn’t let other pages read its pictures. Save the picture and choose the file instead.",
    status: (status: number): string => `The site answered with error ${status}. Check the address, or save the picture and choose the file instead.`,
    notAPicture: "There is no picture at that address. Use the address of the picture itself, not of the page that shows it.",
  },
  labels: {
    count: (amount: number): string => (amount === 0 ? "One label a line" : `One label a line: ${count(amount, "label", "labels")}`),
    none: "Enter at least one label, one a line.",
    tooFew: "Adapting needs at least two labels: with one the answer is always certain.",
    duplicate: (label: string, lines: readonly number[]): string =>
      `“${shorten(label)}” is there more than once (lines ${lines.join(", ")}). Each label may appear once.`,
  },
  template: {
    example: (prompt: string): string => `The model reads “${shorten(prompt)}”`,
    missing: "Put {} where the label belongs, for example: a photo of a {}.",
  },
  link: {
    ignored: (notes: readonly string[]): string => `Part of this page’s address was ignored. ${notes.join(" ")}`,
    tooLong: "It is too long.",
    unknown: (key: string): string => `“${key}” means nothing here.`,
    outOfRange: (entry: string, isWhole: boolean, min: string, max: string): string => `“${entry}” isn’t a ${isWhole ? "whole number" : "number"} from ${min} to ${max}.`,
    noPicture: (name: string): string => `“${name}” is not the name of a sample picture.`,
    noTemplate: (template: string): string => `The prompt “${template}” has no {} where the label belongs, or is too long.`,
    noLabels: "It names no labels.",
    labelsTooLong: (most: number, characters: number): string => `It has more than ${formatCount(most, LOCALE)} labels, or a label of more than ${characters} characters.`,
    noState: (state: string): string => `“${state}” is not a number of updates.`,
    ownPicture: "This link was made with a picture of its author’s own, which is not in the link. Choose a picture; labels and settings are the link’s.",
  },
  settings: {
    largerStep: (settings: string): string => `a larger step: ${settings}`,
    fix: "Correct the marked setting first.",
  },
  model: {
    pocket: "Pocket CLIP",
    localFiles: "model from this device",
    itsServer: "its server",
    dtype: (dtype: keyof typeof DTYPES): string => DTYPES[dtype],
    line: (title: string, dtype: keyof typeof DTYPES, residentBytes: number, imageSize: number): string =>
      `${title}, ${DTYPES[dtype]}, ${formatSize(residentBytes)} in memory, sees ${imageSize} × ${imageSize} pixels`,
    note: {
      sees: (title: string, imageSize: number): string => `The model is ${title}: it sees ${imageSize} × ${imageSize} pixels.`,
      unknown: (title: string): string => `The model is ${title}.`,
      page: "Its page",
      pageSays: "says how it was trained and what it is meant for.",
    },
    formats: {
      recommended: { name: "Recommended", explanation: "What suits the model: 8 bits for a large one, as in its file for a small one." },
      q8: { name: DTYPES.q8, explanation: "A quarter of the memory of 32 bits, and hardly a difference in the answers." },
      q4: { name: DTYPES.q4, explanation: "The least memory; some answers differ from those of the full model." },
      f16: { name: DTYPES.f16, explanation: "Half the memory of 32 bits; the answers are the full model’s but for rounding." },
      f32: { name: DTYPES.f32, explanation: "The most memory and the full precision, for comparing numbers with other programs." },
    },
    load: {
      load: "Load",
      fromStorage: "Load from this browser’s storage",
      download: (downloaded: string): string => `Load, ${downloaded} download`,
      downloadAndKeep: (downloaded: string, kept: string): string => `Load, ${downloaded} download, ${kept} kept`,
    },
    entry: {
      facts: (parameters: string, imageSize: number, patchSize: number): string =>
        `${parameters} parameters, sees ${imageSize} × ${imageSize} pixels in patches of ${patchSize} × ${patchSize}`,
      sizes: ({ downloadBytes, residentBytes }: { readonly downloadBytes: number; readonly residentBytes: number }): string =>
        `${formatSize(downloadBytes)} to download, ${formatSize(residentBytes)} in memory`,
      licence: (licence: string): string => `Licence: ${licence}${/[.!?]$/.test(licence) ? "" : "."}`,
      page: "Its page",
      pageOf: (title: string): string => `(${title})`,
      card: "Its card",
      present: "In use",
      stored: "Stored in this browser",
    },
    name: {
      missing: "Enter the name of a model, as in openai/clip-vit-base-patch32, or an address.",
      invalid: "That is neither a name, as in openai/clip-vit-base-patch32, nor an address that begins with https://.",
    },
    link: {
      noModel: (model: string): string => `The link asks for the model “${model}”, which is not a name that models have.`,
      noFormat: (format: string): string => `The link asks for the format “${format}”; there are q8, q4, f16 and f32.`,
      noHub: "The link names a hub whose address doesn’t begin with https:// or http://; the usual one is used.",
    },
    change: {
      fromLink: (title: string): string => `This link asks for ${title}.`,
      isStored: "It is stored in this browser, so there is little or nothing to download.",
      sizeUnknown: (host: string): string => `Its size is not known yet. To look it up, the beginning of its file is read from ${host}.`,
      sizes: (downloadBytes: number, residentBytes: number, host: string): string =>
        `${formatSize(downloadBytes)} to download from ${host}; ${formatSize(residentBytes)} in memory, and in this browser’s storage for the next time.`,
      lookUpSize: "Look up its size",
      lookingUp: (title: string): string => `Looking up ${title} …`,
      stopLookingUp: "Stop looking it up",
      loading: (title: string): string => `Loading ${title}`,
      bytes: (loadedBytes: number, totalBytes: number | null): string =>
        totalBytes === null ? `${formatSize(loadedBytes)} so far` : `${formatSize(loadedBytes)} of ${formatSize(totalBytes)}`,
      rate: (bytesPerSecond: number): string => `${formatSize(bytesPerSecond)}/s`,
      fromStorage: (bytes: number): string => `${formatSize(bytes)} of it from this browser’s storage`,
      retry: (reason: string, seconds: number): string => `Interrupted (${reason}). Trying again ${seconds === 0 ? "now" : `in ${seconds} s`}.`,
      offline: "Waiting for the connection to come back.",
      pausing: "Loading is interrupted; another attempt follows.",
      meanwhile: (title: string): string => `${title} can be used meanwhile.`,
      stopLoading: "Cancel loading",
      cancelled: (title: string): string => `Loading was cancelled. ${title} is still in use.`,
      loaded: (title: string): string => `${title} is loaded.`,
      waiting: "It takes over when the present run has ended.",
      failed: (title: string): string => `${title} could not be loaded.`,
      stillInUse: (title: string): string => `${title} is still in use.`,
      tryAgain: "Try loading again",
      notNow: "Not now",
      stay: (title: string): string => `Stay with ${title}`,
      close: "Close",
    },
    stored: {
      none: "No model is stored.",
      kept: (amount: number, bytes: number | null): string =>
        bytes === null ? `${count(amount, "model is", "models are")} stored.` : `${count(amount, "model takes", "models take")} ${formatSize(bytes)}.`,
      estimate: (usedBytes: number, quotaBytes: number): string => `This site takes ${formatSize(usedBytes)} in all, of at most ${formatSize(quotaBytes)}.`,
      refused: "This browser lets this page store nothing, so a model is downloaded each time.",
      dates: (lastUsed: Date, created: Date): string => `Last used ${moment.format(lastUsed)}; stored ${moment.format(created)}`,
      incomplete: "only a part of it: the next load goes on from there",
      delete: "Delete",
      deleted: (title: string, bytes: number): string => `${title} was deleted; ${formatSize(bytes)} are free again.`,
      deletedAll: (bytes: number): string => `All stored models were deleted; ${formatSize(bytes)} are free again.`,
    },
  },
  engine: {
    /** What happened to the GPU, by the error's code. */
    gpu: {
      "gpu-unavailable": "This browser offers no graphics device (WebGPU) that the model can run on.",
      "device-lost": "The graphics device was lost: its driver stopped, or the browser took it away.",
      "device-failed": "The graphics device could not do what was asked of it.",
    } as Readonly<Record<string, string>>,
    noScript: "A part of this page could not be loaded. Check the connection, then try again.",
    cpuCan: "The CPU can go on with the same picture, labels and settings.",
    continueOnCpu: "Continue on the CPU",
    tryAgain: "Try again",
  },
};

/** Long texts of the user are cut in messages, never in the work itself. */
export function shorten(value: string): string {
  const characters = [...value];
  return characters.length <= 60 ? value : `${characters.slice(0, 57).join("")}…`;
}
