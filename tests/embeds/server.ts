/** Web servers on free ports of this machine, each an origin of its own: authors' sites, the CDN, the site with `embed.html`. */

import { createReadStream, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { extname, join, normalize } from "node:path";

import { startLocalServer, typeOf, type LocalServer } from "../browser/local-server.js";

/** What stands at a path: a text, a file, or the folder whose files have paths that begin so. */
export type Content = { readonly text: string } | { readonly file: string } | { readonly folder: string };

export interface ServerSettings {
  /** By path; folders' paths end with a slash. The longest that fits is taken. */
  readonly contents: Readonly<Record<string, Content>>;
  /** Sent with every answer. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Public addresses in texts, and what stands for them on this machine. */
  readonly addresses?: ReadonlyMap<string, string> | undefined;
}

export function startServer(settings: ServerSettings): Promise<LocalServer> {
  return startLocalServer((path, response) => answer(settings, path, response));
}

/** Puts the addresses on this machine in place of the public ones. */
export function localise(text: string, addresses: ReadonlyMap<string, string>): string {
  return [...addresses].reduce((changed, [address, local]) => changed.replaceAll(address, local), text);
}

async function answer({ contents, headers = {}, addresses = new Map() }: ServerSettings, path: string, response: ServerResponse): Promise<void> {
  const place = Object.keys(contents)
    .filter((key) => path === key || (key.endsWith("/") && path.startsWith(key)))
    .sort((a, b) => b.length - a.length)[0];
  const content = place === undefined ? undefined : contents[place];
  // Browsers ask for an icon by themselves where a page names none.
  const absent = path === "/favicon.ico" ? 204 : 404;
  if (content === undefined || place === undefined) return void response.writeHead(absent, headers).end();
  if ("text" in content) {
    return void response.writeHead(200, { "content-type": typeOf(extname(path), "text/html; charset=utf-8"), ...headers }).end(localise(content.text, addresses));
  }
  const file = fileAt("file" in content ? content.file : join(content.folder, normalize(`/${path.slice(place.length)}`)));
  if (file === null) return void response.writeHead(absent, headers).end();
  const type = typeOf(extname(file.path));
  const known = { "content-type": type, ...headers };
  if (addresses.size > 0 && /^text\//.test(type)) return void response.writeHead(200, known).end(localise(await readFile(file.path, "utf8"), addresses));
  response.writeHead(200, { ...known, "content-length": file.size });
  createReadStream(file.path).pipe(response);
}

/** A file, or what static hosts send in its place: `page.html` for `/page`, `index.html` for a folder. */
function fileAt(path: string): { path: string; size: number } | null {
  for (const candidate of [path, `${path}.html`, join(path, "index.html")]) {
    const found = statSync(candidate, { throwIfNoEntry: false });
    if (found?.isFile() === true) return { path: candidate, size: found.size };
  }
  return null;
}
