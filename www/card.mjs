/**
 * The model card as a page: the part of Markdown that model cards are written in (headings, paragraphs, lists, tables, fenced code,
 * links, emphasis), with everything else shown as it stands. The card is our own file; still, no text of it becomes markup.
 */

/** A whole page from the card's Markdown. */
export function cardPage(markdown) {
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Model card: the small CLIP of clip-ttl</title>
  <link rel="icon" href="./icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="./styles.css">
</head>
<body>
  <header class="masthead"><p class="wordmark"><a href="./">clip-ttl</a></p></header>
  <main class="card">
${blocks(withoutFrontMatter(markdown))}
  </main>
</body>
</html>
`;
}

function withoutFrontMatter(markdown) {
  return markdown.replace(/^---\n[\s\S]*?\n---\n/, "");
}

const escape = (text) => text.replace(/[&<>"]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[character]);

/** Links, code and emphasis within a line. Relative links lead to files of the repository, which the site doesn't have. */
function inline(text) {
  return escape(text.replace(/(\d) %/g, "$1\u00a0%"))
    .split(/(`[^`]+`)/)
    .map((part) => {
      if (part.startsWith("`")) return `<code>${part.slice(1, -1)}</code>`;
      return part
        .replace(/\[([^\]]+)\]\(([^)\s]+)\)/g, (_, words, target) => (/^https?:/.test(target) ? `<a href="${target}">${words}</a>` : words))
        .replace(/\*\*([^*]+)\*\*/g, "<strong>$1</strong>")
        .replace(/(^|[\s(])\*([^*\s][^*]*)\*/g, "$1<em>$2</em>");
    })
    .join("");
}

function blocks(markdown) {
  const lines = markdown.replace(/\r\n/g, "\n").split("\n");
  const out = [];
  let at = 0;
  const takeWhile = (holds) => {
    const start = at;
    while (at < lines.length && holds(lines[at])) at += 1;
    return lines.slice(start, at);
  };
  while (at < lines.length) {
    const line = lines[at];
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (line.trim() === "") {
      at += 1;
    } else if (heading !== null) {
      at += 1;
      out.push(`<h${heading[1].length}>${inline(heading[2])}</h${heading[1].length}>`);
    } else if (line.startsWith("```")) {
      at += 1;
      const code = takeWhile((next) => !next.startsWith("```"));
      at += 1;
      out.push(`<pre tabindex="0"><code>${escape(code.join("\n"))}</code></pre>`);
    } else if (line.startsWith("|")) {
      out.push(table(takeWhile((next) => next.startsWith("|"))));
    } else if (/^\s*([-*]|\d+\.)\s/.test(line)) {
      out.push(list(takeWhile((next) => /^\s*([-*]|\d+\.)\s/.test(next) || /^\s+\S/.test(next))));
    } else {
      out.push(`<p>${inline(takeWhile((next) => next.trim() !== "" && !/^(#{1,6}\s|```|\||\s*[-*]\s)/.test(next)).join(" "))}</p>`);
    }
  }
  return out.join("\n");
}

function table(rows) {
  const cells = (row) => row.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  const [head, ...body] = rows.filter((row) => !/^\|[\s:|-]+$/.test(row.trim()));
  const columns = cells(head).map((cell) => `<th scope="col">${inline(cell)}</th>`).join("");
  const lines = body.map((row) => `<tr>${cells(row).map((cell) => `<td>${inline(cell)}</td>`).join("")}</tr>`).join("");
  return `<div class="table" role="region" aria-label="Table" tabindex="0"><table><thead><tr>${columns}</tr></thead><tbody>${lines}</tbody></table></div>`;
}

function list(lines) {
  const items = [];
  for (const line of lines) {
    const item = /^\s*(?:[-*]|\d+\.)\s+(.*)$/.exec(line);
    if (item !== null) items.push(item[1]);
    else items.push(`${items.pop() ?? ""} ${line.trim()}`);
  }
  const tag = /^\s*\d/.test(lines[0]) ? "ol" : "ul";
  return `<${tag}>${items.map((item) => `<li>${inline(item)}</li>`).join("")}</${tag}>`;
}
