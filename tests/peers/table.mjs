/** The results as data, and as a Markdown table. */

/**
 * A piece of work of a contestant. `error` is null where all turns were done.
 * @typedef {{ contestant: string, title: string, version: string, backend: string, task: string, work: string, error: string | null,
 *   timesMs: number[] }} Row
 */

/**
 * How far a contestant is from the recorded episode, by quantity.
 * @typedef {{ title: string, differences: import("./recording.mjs").Differences }} Checked
 */

/**
 * Adds the medians, and their ratios to that of ONNX Runtime's forward pass and to that of clip-ttl's episode of one step.
 * @param {{ rows: Row[] } & Record<string, any>} results
 */
export function summary({ rows, ...rest }) {
  const medians = rows.map(({ error, timesMs }) => (error === null ? median(timesMs) : null));
  const medianOf = (contestant, task) => medians[rows.findIndex((row) => row.contestant === contestant && row.task === task)] ?? null;
  const forwardMs = medianOf("onnxruntime", "forward");
  const episodeMs = medianOf("clip-ttl", "one");
  const ratio = (value, to) => (value === null || to === null ? null : value / to);
  return {
    ...rest,
    rows: rows.map((row, index) => ({
      ...row,
      medianMs: medians[index],
      ratioToForward: ratio(medians[index], forwardMs),
      ratioToEpisode: ratio(medians[index], episodeMs),
    })),
  };
}

/** @param {ReturnType<typeof summary>} results */
export function markdown({ means, views, rounds, chromium, checks, rows }) {
  const times = (value) => (value === null ? "–" : `${value.toFixed(2)} x`);
  const lines = rows.map(({ title, version, backend, work, error, medianMs, ratioToForward, ratioToEpisode }) => {
    // A bar would end the cell.
    const time = error === null ? `${(medianMs / 1000).toFixed(2)} s` : `failed: ${error.replaceAll("|", "\\|")}`;
    return `| ${title} ${version} (${backend}): ${work} | ${time} | ${times(ratioToForward)} | ${times(ratioToEpisode)} |`;
  });
  const turns = rounds === 1 ? "one round" : `medians of ${rounds} rounds`;
  return [
    `${views === 1 ? "1 view" : `${views} views`}, ${means}, Chromium ${chromium}; ${turns} after a run that isn't counted.`,
    "",
    "| | time | to ONNX Runtime's forward pass | to clip-ttl's episode of 1 step |",
    "|---|--:|--:|--:|",
    ...lines,
    "",
    remark(checks),
  ].join("\n");
}

/**
 * What was found before the times were taken: of each the quantity that is furthest away.
 * @param {Checked[]} checks
 */
function remark(checks) {
  if (checks.length === 0) {
    return "Nobody's numbers were those that PyTorch recorded.";
  }
  const furthest = checks.map(({ title, differences }) => {
    const [name, value] = Object.entries(differences).reduce((furthest, next) => (next[1] > furthest[1] ? next : furthest));
    return `${title} by ${value.toExponential(1)} (${name})`;
  });
  return `On an episode that PyTorch recorded, the largest differences: ${furthest.join(", ")}.`;
}

/** The middle one; of an even number, the mean of the middle two. */
export function median(/** @type {number[]} */ values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
