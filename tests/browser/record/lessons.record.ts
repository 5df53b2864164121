/** Runs each ready lesson with the engine of the site, and writes what it reports to www/lessons. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { load, openBare } from "../bare.js";
import { RECORDINGS, RUNS } from "../lesson-runs.js";
import { SAMPLES } from "../pictures.js";
import { test } from "../test.js";

/** Digits that are kept: far more than one sees, and a third of the bytes of all of them. */
const DIGITS = 6;

test("record the lessons", async ({ page }) => {
  await openBare(page);
  await load(page);
  for (const { file, picture, labels, options } of RUNS) {
    const report = await page.evaluate(({ address, labels, options }) => window.clip.adapt(address, labels, options).result, {
      address: `./samples/${picture}`,
      labels,
      options,
    });
    const alt = SAMPLES.find((sample) => sample.file === picture)?.alt ?? "";
    const recording = { ...report, picture: `../samples/${picture}`, alt };
    const text = JSON.stringify(recording, (_, value: unknown) => (typeof value === "number" ? Number(value.toPrecision(DIGITS)) : value));
    writeFileSync(join(RECORDINGS, file), `${text}\n`);
    const share = (answer: readonly { label: string; probability: number }[]): string => {
      const top = [...answer].sort((a, b) => b.probability - a.probability)[0];
      return `${top?.label} ${top?.probability.toFixed(3)}`;
    };
    console.log(`${file}: ${share(report.before)} -> ${share(report.after)}, ${Math.round(text.length / 1000)} kB`);
  }
});
