/** What the command line says. */

import { parseArgs } from "node:util";

/** 64 views take seconds on a CPU; WebGPU in software is slower by far. */
const DEFAULTS = { cpu: { views: 64, rounds: 5 }, webgpu: { views: 4, rounds: 1 } };

/** @typedef {{ site: string, device: "cpu" | "webgpu", peers: string[], json: string | undefined, views: number, rounds: number }} Settings */

/**
 * @param {string[]} args
 * @param {string[]} known The peers that there are.
 * @returns {Settings}
 * @throws where an argument is missing or wrong, with the reason
 */
export function readArguments(args, known) {
  const text = { type: /** @type {const} */ ("string") };
  const { values } = parseArgs({ args, options: { site: text, rounds: text, views: text, json: text, peers: text, device: text } });
  const { site, device = "cpu", peers = known.join(","), json } = values;
  if (site === undefined || !URL.canParse(site)) {
    throw new Error("--site: the address of clip-ttl's site is missing");
  }
  if (device !== "cpu" && device !== "webgpu") {
    throw new Error(`--device ${device}: it is cpu or webgpu`);
  }
  const names = peers.split(",").filter((name) => name !== "");
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`--peers ${unknown}: there are ${known.join(" and ")}`);
  }
  const count = (/** @type {"views" | "rounds"} */ name) => {
    const value = Number(values[name] ?? DEFAULTS[device][name]);
    if (!Number.isInteger(value) || value < 1) {
      throw new Error(`--${name} ${values[name]}: it is a whole number from 1 on`);
    }
    return value;
  };
  return { site, device, peers: names, json, views: count("views"), rounds: count("rounds") };
}
