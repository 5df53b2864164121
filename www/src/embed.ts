/** Starts `embed.html`: one element, told by the address what to show, that speaks with the page around it. */

import "clip-ttl/element";
import { EmbedChannel, parentOrigin } from "./embed-channel.js";
import { checkParameters, isFlag, readAddress, type EmbedParameter, type EmbedParameters, type EmbedProblem } from "./embed-parameters.js";
import type { EmbedRequest } from "./embed-protocol.js";
import { byId } from "./page-dom.js";

const main = document.querySelector("main") ?? document.body;
const problemBox = byId("problems", HTMLElement);
const channel = new EmbedChannel(parentOrigin());
const element = document.createElement("clip-ttl");

function apply(parameters: EmbedParameters): void {
  for (const [name, value] of Object.entries(parameters) as [EmbedParameter, string | null][]) {
    if (name === "theme") setTheme(value);
    else if (name === "lang") setLanguage(value);
    else if (value === null || (value === "false" && isFlag(name))) element.removeAttribute(name);
    else element.setAttribute(name, value);
  }
}

/** The page's, and the element's own: it looks at its own attribute for changes. */
function setLanguage(lang: string | null): void {
  document.documentElement.lang = lang ?? "en";
  if (lang === null) element.removeAttribute("lang");
  else element.lang = lang;
}

function setTheme(theme: string | null): void {
  if (theme === null || theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

/** What can't be done is told to whoever asked, and shown to whoever looks. */
function report(problems: readonly EmbedProblem[]): void {
  problemBox.replaceChildren(
    ...problems.map(({ message }) => {
      const line = document.createElement("p");
      line.textContent = message;
      return line;
    }),
  );
  for (const { code, message } of problems) channel.tell({ type: "error", code, message });
}

function obey(request: EmbedRequest): void {
  switch (request.type) {
    case "run":
      // What goes wrong is told by the element's event.
      element.run().catch(() => undefined);
      break;
    case "cancel":
      element.cancel();
      break;
    case "measure":
      tellHeight();
      break;
    case "set": {
      const { parameters, problems } = checkParameters(request.parameters);
      if (problems.length === 0) apply(parameters);
      report(problems);
      break;
    }
  }
}

function tellHeight(): void {
  channel.tell({ type: "height", height: Math.ceil(main.getBoundingClientRect().height) });
}

function forward(): void {
  element.addEventListener("progress", ({ detail: { phase, share } }) => channel.tell({ type: "progress", phase, share }));
  element.addEventListener("step", ({ detail: { step } }) => channel.tell({ type: "step", step }));
  element.addEventListener("result", ({ detail }) => channel.tell({ type: "result", report: detail.report }));
  element.addEventListener("error", ({ detail: { code, message } }) => channel.tell({ type: "error", code, message }));
}

const { parameters, problems } = readAddress(location.search);
forward();
apply(parameters);
main.append(element);
channel.listen(obey);
channel.tell({ type: "ready" });
report(problems);
new ResizeObserver(tellHeight).observe(main);
