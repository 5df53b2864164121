/** The frame of the site's pages, and the parts that several of them have. */

import { readFile } from "node:fs/promises";
import { basename } from "node:path";

import { escape } from "./markdown.mjs";

/** The pages that every other one links to, by their addresses from the site's first page. */
const NAVIGATION = [
  ["./", "Demo"],
  ["./lesson.html", "Lesson"],
  ["./compare.html", "Compare"],
  ["./docs/", "Docs"],
];

/** So that the page's script finds the package wherever the site lies. */
const IMPORT_MAP = `<script type="importmap">
    { "imports": { "clip-ttl": "./clip-ttl/index.js", "clip-ttl/element": "./clip-ttl/element.js" } }
  </script>`;

/** A page that is text: the model card and the docs. `root` leads from it to the site's first page; `sections` are the docs' pages for the list beside the text, if it is one of them. */
export function textPage({ title, body, root = "./", description = "", sections = [] }) {
  const list = sections.map(({ file, name, isCurrent, isAround }) => `<li><a href="./${file}"${isCurrent ? ' aria-current="page"' : isAround ? ' aria-current="true"' : ""}>${escape(name)}</a></li>`).join("\n");
  return frame({
    title,
    description,
    root,
    styles: "styles-docs.css",
    skip: { to: "#text", text: "Skip to the text" },
    content: `  <div class="${list === "" ? "text" : "text with-sections"}">
${list === "" ? "" : `    <nav class="sections" aria-label="Docs"><ul>\n${list}\n</ul></nav>`}
  <main class="card" id="text" tabindex="-1">
${body}
  </main>
  </div>`,
  });
}

/** A page that computes, from a file of `pages/`: lines `name: value` about it, then its content, with the parts that it has in common with others named in comments. */
export async function toolPage(file) {
  const [, about, body] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(await readFile(file, "utf8"));
  const { title, description, script, styles, skip, link } = Object.fromEntries(about.split("\n").map((line) => splitOnce(line, ": ")));
  const name = basename(file, ".html");
  return frame({
    title,
    description,
    styles,
    script,
    name,
    skip: target(skip),
    links: link === undefined ? [] : [target(link)],
    content: `${(await withParts(body)).trimEnd()}

  <p class="unseen" id="announcer" role="status" aria-live="polite"></p>
  <noscript><p class="noscript">This page computes in your browser and needs JavaScript for it.</p></noscript>`,
  });
}

/** `name` is that of a page in the navigation, which doesn't link to itself; `links` are further places there. */
function frame({ title, description, root = "./", styles, script, name, skip, links = [], content }) {
  const isFirst = name === "index";
  const own = isFirst ? "./" : `./${name}.html`;
  const navigation = [
    ...links.map(({ to, text }) => `<a href="${to}">${text}</a>`),
    ...NAVIGATION.filter(([to]) => to !== own).map(([to, text]) => `<a href="${root}${to.slice(2)}"${to === "./" ? ' id="to-demo"' : ""}>${text}</a>`),
  ];
  const head = [
    `<meta charset="utf-8">`,
    `<meta name="viewport" content="width=device-width, initial-scale=1">`,
    `<meta name="color-scheme" content="light dark">`,
    ...(description === "" ? [] : [`<meta name="description" content="${escape(description)}">`]),
    `<title>${escape(title)}</title>`,
    `<link rel="icon" href="${root}icon.svg" type="image/svg+xml">`,
    `<link rel="stylesheet" href="${root}styles.css">`,
    ...(styles === undefined ? [] : [`<link rel="stylesheet" href="${root}${styles}">`]),
    ...(script === undefined ? [] : [IMPORT_MAP, `<script type="module" src="${root}${script}"></script>`]),
  ];
  return `<!doctype html>
<html lang="en">
<head>
  ${head.join("\n  ")}
</head>
<body${name === undefined || isFirst ? "" : ` class="${name}"`}>
  <a class="skip" href="${skip.to}">${skip.text}</a>
  <header class="masthead">
    <p class="wordmark">${isFirst ? "clip-ttl" : `<a href="${root}">clip-ttl</a>`}</p>
    <nav aria-label="Site">
      ${navigation.join("\n      ")}
    </nav>
  </header>

${content}
</body>
</html>
`;
}

/** The parts in the place of the comments that name them. */
async function withParts(body) {
  const names = new Set([...body.matchAll(/<!-- part: (\w+) -->/g)].map(([, name]) => name));
  const parts = await Promise.all([...names].map(async (name) => [name, (await readFile(new URL(`./parts/${name}.html`, import.meta.url), "utf8")).trimEnd()]));
  return parts.reduce((text, [name, part]) => text.replace(`<!-- part: ${name} -->`, () => part), body);
}

/** A place and what it is called, from a line that has both. */
function target(line) {
  const [to, text] = splitOnce(line, " ");
  return { to, text };
}

function splitOnce(text, separator) {
  const place = text.indexOf(separator);
  return [text.slice(0, place), text.slice(place + separator.length)];
}
