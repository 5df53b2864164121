/** The embeds: where their pages and the lines that the documentation shows are. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const HERE = dirname(fileURLToPath(import.meta.url));

export interface Embed {
  readonly name: string;
  /** Path of the page with the element in the built site. */
  readonly page: string;
  /** The source that has the lines of `snippet.mjs` or `snippet.py`: what an author adds to a tool's settings. */
  readonly settings?: string;
}

export const EMBEDS: readonly Embed[] = [
  { name: "plain", page: "index.html" },
  { name: "mdbook", page: "adaptation.html" },
  { name: "vitepress", page: "adaptation.html", settings: ".vitepress/config.mjs" },
  { name: "sphinx-myst", page: "adaptation.html", settings: "conf.py" },
  { name: "reveal", page: "index.html" },
  { name: "iframe", page: "index.html" },
];

/** The lines that the documentation shows, by file name. */
export function snippets(name: string): Record<string, string> {
  const names = readdirSync(join(HERE, name)).filter((file) => file.startsWith("snippet."));
  return Object.fromEntries(names.map((file) => [file, readFileSync(join(HERE, name, file), "utf8")]));
}

/** What is between blank lines: parts that need not be neighbours in a page. */
export function parts(text: string): string[] {
  return text.split(/\n\s*\n/).map((part) => part.replace(/\n$/, "")).filter((part) => part !== "");
}
