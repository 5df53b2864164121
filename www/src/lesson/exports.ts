/** What the reader takes away of a run, made into files. */

import { drawPicture } from "clip-ttl/element";
import { sampleUrl } from "../samples.js";
import { asDataAddress, download, drawingAsPng } from "./downloads.js";
import type { LessonRun } from "./lesson-run.js";
import type { LessonPicture } from "./pictures.js";
import { ofScaledPicture, writeRecording } from "./recording.js";
import type { Export } from "./run-column.js";
import { words } from "./words.js";

/** Longest side, in pixels, of a picture of the reader's own in the file of a run. */
const OWN_SIDE = 640;

/** Saves one file. `name` names the run where there are two. */
export async function saveExport(what: Export, run: LessonRun, name: string, picture: LessonPicture | null, drawing: SVGSVGElement | null): Promise<void> {
  switch (what) {
    case "plot":
      if (drawing === null) return;
      download("clip-ttl-plot.png", await drawingAsPng(drawing, words.exports.plotTitle(name, picture?.sample?.title ?? picture?.picture.name ?? "")));
      break;
    case "episode":
      download("clip-ttl-run.json", new Blob([episodeText(run, picture)], { type: "application/json" }));
      break;
    case "adapter-weights":
      if (run.adapter !== null) download("adapter_model.safetensors", new Blob([run.adapter.weights], { type: "application/octet-stream" }));
      break;
    case "adapter-config":
      if (run.adapter !== null) download("adapter_config.json", new Blob([run.adapter.config], { type: "application/json" }));
      break;
  }
}

/** The run as a file: with the address of a sample, or with a small copy of a picture of the reader's own, which only that file then has. */
function episodeText({ report }: LessonRun, picture: LessonPicture | null): string {
  const { sample } = picture ?? { sample: null };
  if (sample !== null) return writeRecording({ report, picture: new URL(sampleUrl(sample), document.baseURI).href, alt: sample.alt });
  if (picture === null) return writeRecording({ report, picture: null, alt: "" });
  const canvas = document.createElement("canvas");
  const { source, name } = picture.picture;
  drawPicture(canvas, source, OWN_SIDE);
  const scaled = ofScaledPicture(report, canvas.width / source.width, canvas.height / source.height);
  return writeRecording({ report: scaled, picture: asDataAddress(canvas), alt: name });
}
