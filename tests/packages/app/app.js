/** The smallest application that does everything: classifies a picture and adapts to it, once by itself and once with the element. */

import { ClipTtl, ClipTtlError } from "clip-ttl";
import "clip-ttl/element";

const picture = new URL("./kitten.webp", import.meta.url);
const labels = ["a cat", "a penguin", "a bridge"];

async function run() {
  status("Loading");
  const clip = await ClipTtl.load({ device: "cpu" });
  const scores = await clip.classify(picture, labels);
  show("before", scores.map(({ label, score }) => ({ label, probability: score })));
  const run = clip.adapt(picture, labels, { views: 4, seed: 2 });
  for await (const { step } of run) status(`Step ${step}`);
  // Needs the model's statistics, which are a file of their own.
  await clip.adapt(picture, labels, { method: "prompt-align", views: 4 }).result;
  const { after } = await run.result;
  show("after", after);
  clip.dispose();

  status("The element");
  const element = document.querySelector("clip-ttl");
  element.labels = labels;
  element.image = picture.href;
  show("by-element", (await element.run()).after);
  status("Done");
}

/** Shows a ranking as text; text only, whatever the labels are. */
function show(id, ranking) {
  const sorted = [...ranking].sort((a, b) => b.probability - a.probability);
  const texts = sorted.map(({ label, probability }) => `${label}: ${(100 * probability).toFixed(1)} %`);
  document.getElementById(id).replaceChildren(...texts.map((textContent) => Object.assign(document.createElement("li"), { textContent })));
}

function status(text) {
  document.getElementById("status").textContent = text;
}

run().catch((error) => status(error instanceof ClipTtlError ? `${error.code}: ${error.message}` : String(error)));
