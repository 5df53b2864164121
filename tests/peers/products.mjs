/**
 * Matrix products on WebGPU by clip-ttl's kernels beside those of its peers, in one Chromium, in turns:
 *
 *     node products.mjs --module FOLDER [--rounds N] [--json FILE]
 *
 * FOLDER has what `cargo xtask bench --products` makes of `crates/clip-wasm/examples/products.rs`. Prints a Markdown table of the medians, and writes the same as JSON.
 *
 * The products are those of a block of the pocket model for some views. They are chained, so that none can be left out, and so many that reading the last one's numbers
 * back is a small part of the time. Everybody's numbers are compared with the exact products of the same matrices first.
 *
 * Ends with status 1 where one of them could not do its work, or gave other numbers.
 */

import { writeFile } from "node:fs/promises";
import process, { argv } from "node:process";
import { parseArgs } from "node:util";

import { firstLine, launchWithWebGpu } from "./chromium.mjs";
import { productChain } from "./onnx.mjs";
import { CONTESTANTS, offer, versionOf } from "./peers.mjs";
import { serve } from "./server.mjs";
import { median } from "./table.mjs";

/** Views of the pocket model that the rows stand for, and its tokens of a view, width, and width within a perceptron. */
const VIEWS = 4;
const TOKENS = 65;
const WIDTH = 192;
const INNER = 768;
const CHAINS = {
  "queries, keys, values": Array.from({ length: 13 }, () => WIDTH),
  perceptron: Array.from({ length: 9 }, (_, index) => (index % 2 === 0 ? WIDTH : INNER)),
};
/** Relative to the largest number of the result: of single precision, and of codes of eight bits, whose errors add up along a chain. */
const TOLERANCE = { f32: 1e-5, q8: 5e-2 };

/**
 * @typedef {import("playwright-core").Page} Page
 * @typedef {{ library: string, format: "f32" | "q8", kernel: string }} Contestant
 */

try {
  const { values } = parseArgs({ args: argv.slice(2), options: { module: { type: "string" }, rounds: { type: "string" }, json: { type: "string" } } });
  const rounds = Number(values.rounds ?? 5);
  if (values.module === undefined || !Number.isInteger(rounds) || rounds < 1) {
    throw new Error("usage: node products.mjs --module FOLDER [--rounds N] [--json FILE]");
  }
  const results = await measure(values.module, rounds);
  console.log(markdown(results));
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`);
  }
  if (results.rows.some(({ error }) => error !== null)) {
    process.exitCode = 1;
  }
} catch (error) {
  console.error(firstLine(error));
  process.exitCode = 1;
}

/**
 * @param {string} module
 * @param {number} rounds
 */
async function measure(module, rounds) {
  const made = new Map();
  const server = await serve(made, { "clip-ttl": module });
  let browser;
  try {
    const launched = await launchWithWebGpu(server.address);
    browser = launched.browser;
    const { kernels, fastest } = await ownKernels(browser, server.address);
    const rows = [];
    for (const [name, widths] of Object.entries(CHAINS)) {
      const { tensors, exact } = exampleOf(widths);
      offer(made, "products", tensors);
      for (const format of /** @type {const} */ (["f32", "q8"])) {
        made.set(`products-${format}.onnx`, productChain(tensors, format));
      }
      const about = { chain: name, multiplications: multiplicationsOf(widths) };
      rows.push(...(await measureChain(browser, server.address, contestants(kernels), exact, rounds, about)));
    }
    return { means: launched.means, chromium: browser.version(), rounds, views: VIEWS, fastest, rows };
  } finally {
    await browser?.close();
    await server.close();
  }
}

/** All contestants' times of one chain. */
async function measureChain(browser, address, contestants, exact, rounds, about) {
  const entries = [];
  for (const contestant of contestants) {
    const page = await browser.newPage();
    await page.goto(address);
    const entry = { contestant, page, error: null, difference: null, timesMs: [] };
    entries.push(entry);
    await attempt(entry, async () => {
      await page.evaluate(async (options) => {
        const { start } = await import("/pages/products.js");
        globalThis.multiply = await start(options);
      }, contestant);
      entry.difference = differenceOf(await page.evaluate(async () => [...(await globalThis.multiply())]), exact);
      if (!(entry.difference <= TOLERANCE[contestant.format])) {
        throw new Error(`its numbers differ by ${entry.difference} of the largest`);
      }
    });
  }
  for (let round = 1; round <= rounds; round++) {
    for (const entry of entries.filter(({ error }) => error === null)) {
      await attempt(entry, async () => {
        const durationMs = await entry.page.evaluate(async () => {
          const start = performance.now();
          await globalThis.multiply();
          return performance.now() - start;
        });
        entry.timesMs.push(durationMs);
      });
    }
  }
  const medians = entries.map(({ error, timesMs }) => (error === null ? median(timesMs) : null));
  const jaxMs = medians[entries.findIndex(({ contestant }) => contestant.library === "jax")] ?? null;
  const rows = [];
  for (const [index, { contestant, page, error, difference, timesMs }] of entries.entries()) {
    await page.close();
    const medianMs = medians[index];
    const ratioToJax = medianMs === null || jaxMs === null ? null : medianMs / jaxMs;
    rows.push({ ...about, ...contestant, version: await versionOf(CONTESTANTS[contestant.library]), error, difference, timesMs, medianMs, ratioToJax });
  }
  return rows;
}

/** The names of clip-ttl's kernels, and the one that it finds to be the fastest on this adapter. */
async function ownKernels(browser, address) {
  const page = await browser.newPage();
  await page.goto(address);
  const found = await page.evaluate(async () => {
    const { default: load, Products } = await import("/clip-ttl/products.js");
    await load({ module_or_path: "/clip-ttl/products_bg.wasm" });
    const products = await Products.open();
    return { kernels: Products.kernels(), fastest: await products.fastest() };
  });
  await page.close();
  return found;
}

/** The peers, and each of clip-ttl's kernels with each format. @returns {Contestant[]} */
function contestants(/** @type {string[]} */ kernels) {
  const formats = /** @type {const} */ (["f32", "q8"]);
  return [
    ...formats.map((format) => ({ library: "onnxruntime", format, kernel: "" })),
    { library: "jax", format: "f32", kernel: "" },
    ...formats.flatMap((format) => kernels.map((kernel) => ({ library: "clip-ttl", format, kernel }))),
  ];
}

/** Does something with an entry; if that fails it is out, and the others go on. */
async function attempt(entry, work) {
  try {
    await work();
  } catch (error) {
    entry.error = firstLine(error);
    console.error(`${entry.contestant.library}, ${entry.contestant.format}: ${entry.error}`);
  }
}

/** Rows and matrices whose products stay about as large as the rows, and the exact result. */
function exampleOf(widths) {
  const numbers = numbersWithoutRegularity();
  const tensors = new Map([["rows", numbers([VIEWS * TOKENS, widths[0]], 1)]]);
  let product = Float64Array.from(tensors.get("rows").values);
  for (let index = 0; index + 1 < widths.length; index++) {
    const [inputs, outputs] = [widths[index], widths[index + 1]];
    const matrix = numbers([inputs, outputs], Math.sqrt(3 / inputs));
    tensors.set(`matrix ${index}`, matrix);
    product = multiplied(product, matrix.values, inputs, outputs);
  }
  return { tensors, exact: product };
}

/** Gives tensors of numbers between -spread and spread, by a linear congruence: the same ones in every run. */
function numbersWithoutRegularity() {
  let state = 7;
  return (/** @type {number[]} */ shape, /** @type {number} */ spread) => {
    const values = Float32Array.from({ length: shape[0] * shape[1] }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state / 2 ** 31 - 1) * spread;
    });
    return { shape, values };
  };
}

function multiplied(rows, matrix, inputs, outputs) {
  const result = new Float64Array((rows.length / inputs) * outputs);
  for (let row = 0; row < rows.length / inputs; row++) {
    for (let input = 0; input < inputs; input++) {
      const value = rows[row * inputs + input];
      for (let output = 0; output < outputs; output++) {
        result[row * outputs + output] += value * matrix[input * outputs + output];
      }
    }
  }
  return result;
}

/** The largest difference, relative to the largest number. */
function differenceOf(numbers, exact) {
  if (numbers.length !== exact.length) {
    return Infinity;
  }
  const largest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return exact.reduce((most, value, index) => Math.max(most, Math.abs(value - numbers[index])), 0) / largest;
}

function multiplicationsOf(widths) {
  return widths.slice(1).reduce((sum, width, index) => sum + VIEWS * TOKENS * widths[index] * width, 0);
}

function markdown({ means, chromium, rounds, fastest, rows }) {
  const lines = rows.map(({ chain, library, version, format, kernel, error, medianMs, multiplications, ratioToJax }) => {
    const who = `${CONTESTANTS[library].title} ${version}, ${format}${kernel === "" ? "" : `, ${kernel}`}`;
    if (error !== null) {
      return `| ${chain} | ${who} | failed: ${error.replaceAll("|", "\\|")} | – | – |`;
    }
    const rate = ((2 * multiplications) / medianMs / 1e6).toFixed(2);
    return `| ${chain} | ${who} | ${medianMs.toFixed(0)} ms | ${rate} | ${ratioToJax === null ? "–" : `${ratioToJax.toFixed(2)} x`} |`;
  });
  return [
    `Products of ${VIEWS * TOKENS} rows, ${means}, Chromium ${chromium}; medians of ${rounds} rounds after a run that isn't counted.`,
    "",
    "| product | | time | billion operations a second | to jax-js |",
    "|---|---|--:|--:|--:|",
    ...lines,
    "",
    `By its own measurement clip-ttl would take ${fastest}.`,
  ].join("\n");
}
