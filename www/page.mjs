/** The frame of the pages that are text: the model card and the docs. */

import { escape } from "./markdown.mjs";

/** A whole page. `root` leads from it to the site's first page; `sections` are the docs' pages for the list beside the text, if it is one of them. */
export function textPage({ title, body, root = "./", description = "", sections = [] }) {
  const list = sections.map(({ file, name, isCurrent, isAround }) => `<li><a href="./${file}"${isCurrent ? ' aria-current="page"' : isAround ? ' aria-current="true"' : ""}>${escape(name)}</a></li>`).join("\n");
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  ${description === "" ? "" : `<meta name="description" content="${escape(description)}">`}
  <title>${escape(title)}</title>
  <link rel="icon" href="${root}icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="${root}styles.css">
  <link rel="stylesheet" href="${root}styles-docs.css">
</head>
<body>
  <a class="skip" href="#text">Skip to the text</a>
  <header class="masthead">
    <p class="wordmark"><a href="${root}">clip-ttl</a></p>
    <nav aria-label="Site">
      <a href="${root}">Demo</a>
      <a href="${root}lesson.html">Lesson</a>
      <a href="${root}compare.html">Compare</a>
      <a href="${root}docs/">Docs</a>
    </nav>
  </header>
  <div class="${list === "" ? "text" : "text with-sections"}">
${list === "" ? "" : `    <nav class="sections" aria-label="Docs"><ul>\n${list}\n</ul></nav>`}
  <main class="card" id="text" tabindex="-1">
${body}
  </main>
  </div>
</body>
</html>
`;
}
