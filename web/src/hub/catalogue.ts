/** Published models, with what one wants to know before downloading one. */

import type { CatalogueEntry, WeightsFormat } from "../load-types.js";

/** Bytes that a value takes: in `q8` and `q4` each block of 32 has a scale of two bytes, and a few small tensors stay as they are. */
const BYTES_PER_VALUE: Readonly<Record<WeightsFormat, number>> = { f32: 4, f16: 2, q8: 1.07, q4: 0.57 };

function residentBytes(parameters: number): CatalogueEntry["residentBytes"] {
  const bytes = (format: WeightsFormat): number => Math.round(parameters * BYTES_PER_VALUE[format]);
  return { f32: bytes("f32"), f16: bytes("f16"), q8: bytes("q8"), q4: bytes("q4") };
}

type Facts = Omit<CatalogueEntry, "residentBytes" | "page">;

function onTheHub(facts: Facts): CatalogueEntry {
  return { ...facts, residentBytes: residentBytes(facts.parameters), page: `https://huggingface.co/${facts.id}` };
}

/** Of the pocket model: its file without the header. */
const POCKET_RESIDENT_BYTES = 9_873_156;

const OPENAI_LICENCE = "None stated on the hub; OpenAI's own release of CLIP is MIT.";

/**
 * The catalogue. Any other CLIP in Hugging Face's layout can be loaded as well; these have a revision that is known to have
 * `model.safetensors`.
 *
 * Revisions and file sizes are those that several public projects have pinned and verified by checksum; the hub itself could not be
 * asked when this was written.
 */
export const CATALOGUE: readonly CatalogueEntry[] = [
  {
    id: "pocket",
    title: "Pocket CLIP, ships with clip-ttl",
    revision: null,
    parameters: 12_399_745,
    imageSize: 64,
    patchSize: 8,
    downloadBytes: 9_915_412,
    // Quantised in its file already, the vision tower to q8 and the text tower to q4, and kept so whatever format is asked for.
    residentBytes: { f32: POCKET_RESIDENT_BYTES, f16: POCKET_RESIDENT_BYTES, q8: POCKET_RESIDENT_BYTES, q4: POCKET_RESIDENT_BYTES },
    recommendedDtype: "q8",
    licence: "MIT or Apache-2.0 as far as the authors have rights in it; its pictures were for research only. See the model's card.",
    page: "https://github.com/clip-ttl/clip-ttl/tree/main/models/pocket",
  },
  onTheHub({
    id: "wkcn/TinyCLIP-ViT-8M-16-Text-3M-YFCC15M",
    title: "TinyCLIP ViT-8M/16",
    revision: "a2a8c6eaa2549ad66eb7c31b85022bf58273a26c",
    parameters: 23_446_017,
    imageSize: 224,
    patchSize: 16,
    downloadBytes: 93_812_468,
    recommendedDtype: "q8",
    licence: "MIT",
  }),
  onTheHub({
    id: "openai/clip-vit-base-patch32",
    title: "OpenAI CLIP ViT-B/32",
    // Its branch main has no model.safetensors; this is the commit of the hub's own conversion, in a pull request.
    revision: "c237dc49a33fc61debc9276459120b7eac67e7ef",
    parameters: 151_277_313,
    imageSize: 224,
    patchSize: 32,
    downloadBytes: 605_157_884,
    recommendedDtype: "q8",
    licence: OPENAI_LICENCE,
  }),
  onTheHub({
    id: "openai/clip-vit-base-patch16",
    title: "OpenAI CLIP ViT-B/16",
    // Its branch main (57c2164) has pytorch_model.bin alone, and which pull request has the conversion is not known: it is looked for.
    revision: null,
    parameters: 149_620_737,
    imageSize: 224,
    patchSize: 16,
    // Four bytes a value, and a header as long as that of ViT-B/32: not seen, unlike the others.
    downloadBytes: 598_531_000,
    recommendedDtype: "q8",
    licence: OPENAI_LICENCE,
  }),
  onTheHub({
    id: "openai/clip-vit-large-patch14",
    title: "OpenAI CLIP ViT-L/14",
    revision: "32bd64288804d66eefd0ccbe215aa642df71cc41",
    parameters: 427_616_513,
    imageSize: 224,
    patchSize: 14,
    downloadBytes: 1_710_540_580,
    recommendedDtype: "q8",
    licence: OPENAI_LICENCE,
  }),
  onTheHub({
    id: "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
    title: "LAION CLIP ViT-B/32",
    revision: "1a25a446712ba5ee05982a381eed697ef9b435cf",
    parameters: 151_277_313,
    imageSize: 224,
    patchSize: 32,
    downloadBytes: 605_157_884,
    recommendedDtype: "q8",
    licence: "MIT",
  }),
];

/** The catalogue's entry of that name. */
export function catalogueEntry(id: string): CatalogueEntry | undefined {
  return CATALOGUE.find((entry) => entry.id === id);
}
