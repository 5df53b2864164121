/** The folded part of the page: another picture, other labels, other settings. */

import { byId } from "../page-dom.js";

/** Unfolds it, for what is asked or said there. `wanted`, in that part or beside it, is then in sight. */
export function unfoldChange(wanted: Element | null = null): void {
  byId("change", HTMLDetailsElement).open = true;
  wanted?.scrollIntoView({ block: "nearest" });
}
