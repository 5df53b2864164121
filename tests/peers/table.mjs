/** The results as data, and as a Markdown table. */

/** What of the machine each kind of device computes with. */
const MEANS = { cpu: "one thread each", webgpu: "WebGPU imitated in software" };

/**
 * A piece of work of a contestant. `error` is null where all turns were done.
 * @typedef {{ contestant: string, title: string, version: string, backend: string, task: string, work: string, error: string | null,
 *   timesMs: number[] }} Row
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
export function markdown({ device, views, rounds, chromium, checks, rows }) {
  const times = (value) => (value === null ? "–" : `${value.toFixed(2)} x`);
  const lines = rows.map(({ title, version, backend, work, error, medianMs, ratioToForward, ratioToEpisode }) => {
    // A bar would end the cell.
    const time = error === null ? `${(medianMs / 1000).toFixed(2)} s` : `failed: ${error.replaceAll("|", "\\|")}`;
    return `| ${title} ${version} (${backend}): ${work} | ${time} | ${times(ratioToForward)} | ${times(ratioToEpisode)} |`;
  });
  const turns = rounds === 1 ? "one round" : `medians of ${rounds} rounds`;
  return [
    `${views === 1 ? "1 view" : `${views} views`}, ${MEANS[device]}, Chromium ${chromium}; ${turns} after a run that isn't counted.`,
    "",
    "| | time | to ONNX Runtime's forward pass | to clip-ttl's episode of 1 step |",
    "|---|--:|--:|--:|",
    ...lines,
    "",
    ...remarks(checks),
  ].join("\n");
}

/** What was found before the times were taken. */
function remarks({ featureDifference, entropies }) {
  const features =
    featureDifference === null
      ? "The features of ONNX Runtime and jax-js were not compared, as only one of them, or none, gave any."
      : `The features of ONNX Runtime and jax-js differ by ${featureDifference.toExponential(1)} (relative).`;
  return entropies === null
    ? [features]
    : [features, `The step of jax-js takes the views' mean entropy from ${entropies.before.toFixed(3)} to ${entropies.after.toFixed(3)} nats.`];
}

/** The middle one; of an even number, the mean of the middle two. */
function median(/** @type {number[]} */ values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
