/** The sample pictures that come with the page. */

/** What comes of a sample with the pocket model and the paper's settings: from right or wrong at first to right or wrong afterwards. */
const OUTCOMES = ["right", "corrected", "worse", "wrong"] as const;
export type SampleOutcome = (typeof OUTCOMES)[number];

export interface Sample {
  /** File name beside samples.json. */
  readonly file: string;
  readonly title: string;
  readonly author: string;
  readonly licence: string;
  /** Where the picture comes from. */
  readonly source: string;
  /** Labels that suit it. */
  readonly labels: readonly string[];
  readonly alt: string;
  /** Which of its labels is right. */
  readonly answer: string;
  readonly outcome: SampleOutcome;
  /** The outcome in a sentence. */
  readonly note: string;
}

const FOLDER = "./samples/";

export function sampleUrl(sample: Sample): string {
  return FOLDER + sample.file;
}

/** The list of samples. */
export async function loadSamples(): Promise<Sample[]> {
  const response = await fetch(`${FOLDER}samples.json`);
  if (!response.ok) throw new Error(`samples.json: ${response.status}`);
  const list: unknown = await response.json();
  if (!Array.isArray(list)) throw new TypeError("samples.json is not a list");
  return list.filter(isSample);
}

/** The bytes of one sample. */
export async function loadSample(sample: Sample): Promise<Blob> {
  const response = await fetch(sampleUrl(sample));
  if (!response.ok) throw new Error(`${sample.file}: ${response.status}`);
  return response.blob();
}

function isSample(value: unknown): value is Sample {
  if (typeof value !== "object" || value === null) return false;
  const entry = value as Record<string, unknown>;
  const texts = ["file", "title", "author", "licence", "source", "alt", "answer", "note"];
  const isKnown = OUTCOMES.some((outcome) => outcome === entry["outcome"]);
  return isKnown && texts.every((key) => typeof entry[key] === "string") && Array.isArray(entry["labels"]);
}
