/**
 * Builds the docs: `docs/*.md` as pages. A line `<!-- KIND: ARGUMENT -->` stands for what is elsewhere: files that the tests build and open, and
 * data that the tests hold against the code. So the docs can't say what isn't so.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import { codeBlock, escape, html, table } from "./markdown.mjs";
import { textPage } from "./page.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const repository = join(here, "..");

/** The pages in their order. The first one is the folder's own. */
const PAGES = [
  ["index", "Start"],
  ["javascript", "JavaScript"],
  ["element", "The element"],
  ["embedding", "Embedding"],
  ["teaching", "Teaching"],
  ["how-it-works", "How it works"],
  ["methods", "Methods"],
  ["limits", "Limits"],
  ["privacy", "Privacy"],
  ["troubleshooting", "Troubleshooting"],
  ["glossary", "Glossary"],
];

export async function buildDocs(outdir, bundle) {
  const data = await loadData(bundle);
  await mkdir(join(outdir, "docs/methods"), { recursive: true });
  for (const [page, name] of PAGES) await buildPage(outdir, page, name, data);
  for (const { name, title } of data.METHODS) await buildPage(outdir, `methods/${name}`, title, data);
}

/** One page. In the list beside it a method's page counts as the methods'. */
async function buildPage(outdir, page, name, data) {
  const up = "../".repeat(page.split("/").length - 1);
  const source = await readFile(join(here, "docs", `${page}.md`), "utf8");
  const body = html(await filled(source, data), (href) => addressOf(href));
  const sections = PAGES.map(([other, title]) => ({ file: `${up}${other}.html`, name: title, isCurrent: other === page, isAround: page.startsWith(`${other}/`) }));
  const description = /^(?!#|<)\S.*$/m.exec(source)?.[0] ?? name;
  const text = textPage({ title: `${name}: clip-ttl`, description: description.replace(/[*`[\]]|\([^)]*\)/g, ""), root: `../${up}`, body, sections });
  await writeFile(join(outdir, "docs", `${page}.html`), text);
}

/** Links between the sources lead from page to page; the others are addresses on the site. */
function addressOf(href) {
  return href.replace(/^(\.\.?\/[\w/-]+)\.md/, "$1.html");
}

/** The package's own data, bundled from its sources. */
async function loadData(bundle) {
  const code = await bundle(`
    export { ELEMENT_API } from "../web/src/widget/api.js";
    export { JAVASCRIPT_API } from "../web/src/javascript-api.js";
    export { adviceFor, ERROR_CODES } from "../web/src/errors.js";
    export { CATALOGUE } from "../web/src/hub/catalogue.js";
    export { LESSONS } from "./src/lesson/lessons.js";
  `);
  const METHODS = JSON.parse(await readFile(join(here, "docs/methods.json"), "utf8"));
  return { ...(await import(`data:text/javascript;base64,${Buffer.from(code).toString("base64")}`)), METHODS };
}

/** A source with its `<!-- KIND: ARGUMENT -->` lines filled in. */
async function filled(source, data) {
  const parts = source.split(/^<!-- (\w+): (.+?) -->$/m);
  let out = parts[0];
  for (let index = 1; index < parts.length; index += 3) {
    const make = KINDS[parts[index]];
    if (make === undefined) throw new Error(`the docs have no <!-- ${parts[index]}: … -->`);
    out += `\n${await make(parts[index + 1], data)}\n${parts[index + 2]}`;
  }
  return out;
}

const code = (text) => `<code>${escape(text)}</code>`;

const KINDS = {
  /** A file of the repository, whole. */
  file: async (path) => codeBlock((await readFile(join(repository, normalize(path)), "utf8")).trimEnd()),
  /** A drawing, as part of the page: it takes the page's colours. */
  figure: async (path) => `<figure>${await readFile(join(here, "docs", "figures", path), "utf8")}</figure>`,
  /** A part of the element's interface. */
  element: (part, { ELEMENT_API }) => elementTable(part, ELEMENT_API),
  /** The package's exports, and the members of its classes. */
  javascript: (part, { JAVASCRIPT_API }) =>
    table(["Name", "Type", "Meaning"], JAVASCRIPT_API[part].map(({ name, type, description }) => [code(name), code(type), escape(description)]), `JavaScript: ${part}`),
  /** Every error, with what to do about it. */
  errors: (_, { ERROR_CODES, adviceFor }) => table(["Code", "What to do"], ERROR_CODES.map((name) => [`<code id="${name}">${name}</code>`, escape(adviceFor(name))]), "Errors"),
  /** The ready lessons. */
  lessons: (_, { LESSONS }) =>
    LESSONS.map(
      ({ title, summary, hash, tasks }) =>
        `<h3><a href="../lesson.html#${escape(hash)}">${escape(title)}</a></h3>\n<p>${escape(summary)}</p>\n<ol>${tasks.map((task) => `<li>${escape(task)}</li>`).join("\n")}</ol>\n`,
    ).join("\n"),
  /** All methods in a table. */
  methods: (_, { METHODS }) =>
    table(["Method", "Kind", "What it does"], METHODS.map(({ name, title, kind, summary }) => [`<a href="./methods/${name}.html">${escape(title)}</a>`, KIND_NAMES[kind], escape(summary)]), "Methods"),
  /** A method's paper and options. */
  method: (name, { METHODS }) => methodFacts(METHODS.find((method) => method.name === name)),
  /** The models that the page offers. */
  models: (_, { CATALOGUE }) => table(["Name", "Meaning"], CATALOGUE.map(({ id, title }) => [code(id), escape(title)]), "Models"),
};

const KIND_NAMES = { features: "On features", forward: "Forward only", gradient: "With gradients" };

function methodFacts({ name, title, paper, summary, kind, options }) {
  const source = paper === null ? "" : `<p>${escape(paper.authors)}: <a href="${escape(paper.url)}">${escape(paper.title)}</a>, ${paper.year}.</p>\n`;
  const asText = (value) => (Array.isArray(value) ? value.join(", ") : String(value));
  const rows = options.map((option) => [
    code(option.name),
    option.default.length === 0 ? "none" : code(asText(option.default)),
    option.choices.length > 0 ? option.choices.map(code).join(", ") : option.min === null ? "" : `${option.min} to ${option.max}`,
    `${escape(option.description)}${option.paperDefault === null ? "" : ` The paper’s value is ${code(asText(option.paperDefault))}.`}`,
  ]);
  const optionTable = table(["Option", "Default", "Allowed", "Meaning"], rows, `Options of ${title}`);
  return `<p><strong>${escape(summary)}</strong> ${KIND_NAMES[kind]}; its name in JavaScript and on the command line is ${code(name)}.</p>\n${source}<details class="options"><summary>Its options, with defaults and limits</summary>\n${optionTable}</details>\n`;
}

function elementTable(part, api) {
  const rows = {
    attributes: () => [["Attribute", "Property", "Type", "Default", "Meaning"], api.attributes.map((entry) => [code(entry.name), code(entry.property), code(entry.type), escape(entry.default), escape(entry.description)])],
    properties: () => [["Property", "Type", "Meaning"], api.properties.map((entry) => [code(entry.name), code(entry.type), `${escape(entry.description)}${entry.isReadOnly ? " Read-only." : ""}`])],
    methods: () => [["Method", "Type", "Meaning"], api.methods.map((entry) => [code(entry.name), code(entry.type), escape(entry.description)])],
    events: () => [["Event", "Detail", "Meaning"], api.events.map((entry) => [code(entry.name), code(entry.detail), escape(entry.description)])],
    slots: () => [["Slot", "Meaning"], api.slots.map((entry) => [code(entry.name), escape(entry.description)])],
    parts: () => [["Part", "Meaning"], api.parts.map((entry) => [code(entry.name), escape(entry.description)])],
    customProperties: () => [["Custom property", "Default", "Meaning"], api.customProperties.map((entry) => [code(entry.name), code(entry.default), escape(entry.description)])],
  }[part];
  if (rows === undefined) throw new Error(`the element's interface has no ${part}`);
  const [head, body] = rows();
  return table(head, body, `The element: ${part}`);
}
