/**
 * clip-ttl beside its peers on the same work, in one Chromium, one thread each, in turns:
 *
 *     node measure.mjs --site URL [--rounds N] [--views N] [--json FILE] [--peers onnxruntime,jax] [--device cpu|webgpu]
 *
 * URL is the address that `cargo xtask serve` prints. Prints a Markdown table of the medians, and writes the same as JSON.
 *
 * ONNX Runtime passes the views through the vision tower once, without adapting anything. jax-js and clip-ttl run TTL's whole
 * episode: the blocks without adapters once, the last blocks forward and backward, an update, and the prediction of the first view.
 * clip-ttl also decodes and crops a picture, and in the end measures all views once more; the peers' views are there already. Of the
 * last block clip-ttl and jax-js compute the class token alone, since nothing else of it is read; ONNX Runtime computes all tokens, as
 * the usual export of a CLIP does.
 *
 * Before anything is timed, each does what PyTorch recorded (`recording.mjs`). Whoever comes to something else is out.
 *
 * Ends with status 1 where one of them could not do its work; the table then has the reason.
 */

import { writeFile } from "node:fs/promises";
import process, { argv, exit } from "node:process";

import { readArguments } from "./arguments.mjs";
import { firstLine, launch, launchWithWebGpu } from "./chromium.mjs";
import { CONTESTANTS, LABELS, offer, PEERS, RECIPE, versionOf } from "./peers.mjs";
import { recordedEpisode, TOLERANCE } from "./recording.mjs";
import { serve } from "./server.mjs";
import { markdown, summary } from "./table.mjs";
import { readCheckpoint } from "./weights.mjs";

const USAGE = `usage: node measure.mjs --site URL [--rounds N] [--views N] [--json FILE] [--peers ${PEERS.join(",")}] [--device cpu|webgpu]`;
const MODEL = new URL("../../models/pocket/model.safetensors", import.meta.url);

/**
 * @typedef {import("playwright-core").Page} Page
 * @typedef {import("./peers.mjs").Contestant} Contestant
 */

/** One that takes part: its page, its times, and why it is out, if it is. */
class Entry {
  /** @type {string | null} */
  error = null;
  /** What it computes with, once it has started. */
  backend = "";
  /** @type {Map<string, number[]>} */
  timesMs;

  constructor(/** @type {string} */ name, /** @type {Contestant} */ contestant, /** @type {Page} */ page, /** @type {string[]} */ tasks) {
    this.name = name;
    this.contestant = contestant;
    this.page = page;
    this.timesMs = new Map(tasks.map((task) => [task, []]));
  }

  /**
   * Does something with it, unless it is out. If that fails it is out, and the others go on.
   * @template Result
   * @param {(contestant: Contestant, page: Page) => Promise<Result>} work
   * @returns {Promise<Result | null>}
   */
  async attempt(work) {
    if (this.error !== null) {
      return null;
    }
    try {
      return await work(this.contestant, this.page);
    } catch (error) {
      this.error = firstLine(error);
      console.error(`${this.contestant.title} failed: ${this.error}`);
      return null;
    }
  }
}

let settings;
try {
  settings = readArguments(argv.slice(2), PEERS);
} catch (error) {
  console.error(`${firstLine(error)}\n${USAGE}`);
  exit(2);
}
try {
  const results = await measure(settings);
  console.log(markdown(results));
  if (settings.json !== undefined) {
    await writeFile(settings.json, `${JSON.stringify(results, null, 2)}\n`);
  }
  if (results.rows.some(({ error }) => error !== null)) {
    process.exitCode = 1;
  }
} catch (error) {
  console.error(firstLine(error));
  process.exitCode = 1;
}

/** @param {import("./arguments.mjs").Settings} settings */
async function measure({ site, device, peers, views, rounds }) {
  const checkpoint = await readCheckpoint(MODEL);
  const recording = await recordedEpisode(RECIPE, LABELS.length);
  const made = new Map();
  offer(made, "recording", recording.tensors);
  // Before the server, which would keep this process from ending where there is no Chromium.
  const { browser, means } = device === "webgpu" ? await launchWithWebGpu(site) : { browser: await launch(), means: "one thread each" };
  const server = await serve(made);
  try {
    const surroundings = { site, device, views, made, address: server.address, checkpoint };
    const entries = [];
    for (const [name, contestant] of Object.entries(CONTESTANTS)) {
      if (name === "clip-ttl" || peers.includes(name)) {
        const entry = new Entry(name, contestant, await browser.newPage(), Object.keys(contestant.tasks[device]));
        entries.push(entry);
        entry.backend = (await entry.attempt((contestant, page) => contestant.start(page, surroundings))) ?? device;
      }
    }
    const checks = await check(entries, recording, views);
    // The first run compiles, and encodes the labels.
    for (const entry of entries) {
      await entry.attempt((contestant, page) => contestant.run(page, Object.keys(contestant.tasks[device])[0], views));
    }
    for (let round = 1; round <= rounds; round++) {
      for (const entry of entries) {
        await takeTurn(entry, device, views, `round ${round} of ${rounds}`);
      }
    }
    const rows = await Promise.all(entries.map((entry) => rowsOf(entry, device, rounds)));
    return summary({ site, device, means, views, rounds, chromium: browser.version(), checks, rows: rows.flat() });
  } finally {
    await browser.close();
    await server.close();
  }
}

/** Each of its tasks once. */
async function takeTurn(entry, device, views, round) {
  for (const [task, timesMs] of entry.timesMs) {
    const durationMs = await entry.attempt((contestant, page) => contestant.run(page, task, views));
    if (durationMs !== null) {
      timesMs.push(durationMs);
      console.error(`${round}: ${entry.contestant.title}, ${entry.contestant.tasks[device][task]}: ${(durationMs / 1000).toFixed(2)} s`);
    }
  }
}

/** @returns {Promise<import("./table.mjs").Row[]>} */
async function rowsOf({ name, contestant, backend, error, timesMs }, device, rounds) {
  const version = await versionOf(contestant);
  return [...timesMs].map(([task, times]) => ({
    contestant: name,
    title: contestant.title,
    version,
    backend,
    task,
    work: contestant.tasks[device][task],
    // Whoever failed later may have done this in all rounds.
    error: times.length === rounds ? null : error,
    timesMs: times,
  }));
}

/**
 * Has each of them do what PyTorch recorded; whoever comes to something else is out.
 * @param {Entry[]} entries
 * @param {import("./recording.mjs").Recording} recording
 * @param {number} views
 * @returns {Promise<import("./table.mjs").Checked[]>} Of those that compute the same.
 */
async function check(entries, recording, views) {
  const checks = [];
  for (const entry of entries) {
    const differences = await entry.attempt(async (contestant, page) => {
      const { differences, limits = {} } = await contestant.check(page, recording, views);
      const wrong = Object.entries(differences).filter(([name, value]) => !(value <= (limits[name] ?? TOLERANCE)));
      if (wrong.length > 0) {
        throw new Error(`it doesn't compute what PyTorch did: ${wrong.map(([name, value]) => `${name} differ by ${value}`).join(", ")}`);
      }
      return differences;
    });
    if (differences !== null) {
      checks.push({ title: entry.contestant.title, differences });
    }
  }
  return checks;
}
