/** Our own Markdown as HTML for the site: the docs' sources, and the model card. */

import { Marked } from "./tools.mjs";

/** Text as HTML shows it. */
export const escape = (text) => text.replace(/[&<>"]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[character]);

/** A heading's anchor: its words in small letters. */
export const anchor = (words) =>
  words
    .toLowerCase()
    .replace(/<[^>]*>|[^\p{Letter}\p{Number}\s-]/gu, "")
    .trim()
    .replace(/\s+/g, "-");

/** A block that scrolls by itself can be reached with the keyboard. */
export const codeBlock = (code) => `<pre tabindex="0"><code>${escape(code)}</code></pre>\n`;

/** A table that scrolls by itself where it is too wide. Cells are HTML; the columns at these places have numbers. */
export function table(head, rows, name, numbers = new Set()) {
  const kind = (column) => (numbers.has(column) ? ' class="number"' : "");
  // A column without a name has no heading to be read out.
  const columns = head.map((cell, index) => (cell === "" ? "<td></td>" : `<th scope="col"${kind(index)}>${cell}</th>`)).join("");
  const top = head.every((cell) => cell === "") ? "" : `<thead><tr>${columns}</tr></thead>`;
  const lines = rows.map((row) => `<tr>${row.map((cell, index) => (index === 0 ? `<th scope="row"${kind(index)}>${cell}</th>` : `<td${kind(index)}>${cell}</td>`)).join("")}</tr>`).join("\n");
  return `<div class="table" role="region" aria-label="${escape(name)}" tabindex="0"><table>${top}<tbody>\n${lines}</tbody></table></div>\n`;
}

/**
 * HTML of a text. Relative links go through `link`, which gives the address on the site, or null for what the site doesn't have: then the
 * words stand alone.
 */
export function html(markdown, link) {
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }) {
        const words = this.parser.parseInline(tokens);
        return `<h${depth} id="${anchor(words)}">${words}</h${depth}>\n`;
      },
      code: ({ text }) => codeBlock(text),
      table({ header, rows }) {
        const cell = ({ tokens }) => this.parser.parseInline(tokens);
        const name = header.map(({ text }) => text).filter((text) => text !== "").join(", ") || "Table";
        const numbers = new Set(header.flatMap(({ align }, column) => (align === "right" ? [column] : [])));
        return table(header.map(cell), rows.map((row) => row.map(cell)), name, numbers);
      },
      link({ href, tokens }) {
        const words = this.parser.parseInline(tokens);
        const target = /^https?:/.test(href) ? href : link(href);
        return target === null ? words : `<a href="${escape(target)}">${words}</a>`;
      },
    },
  });
  // A number and its percent sign stay on one line.
  return marked.parse(markdown.replace(/(\d) %/g, "$1\u00a0%"));
}

/** Markdown without the block of metadata that model cards begin with. */
export const withoutFrontMatter = (markdown) => markdown.replace(/^---\n[\s\S]*?\n---\n/, "");
