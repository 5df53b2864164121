/** Web servers on free ports of this machine, each an origin of its own: authors' sites, the CDN, the site with `embed.html`. */

import { createReadStream, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

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

export interface LocalServer {
  /** Its origin, with a slash at the end. */
  readonly url: string;
  /** The path of each request so far. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
};

export async function startServer(settings: ServerSettings): Promise<LocalServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(pathOf(request));
    answer(settings, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return { url: `http://127.0.0.1:${port}/`, requests, close };
}

/** Puts the addresses on this machine in place of the public ones. */
export function localise(text: string, addresses: ReadonlyMap<string, string>): string {
  return [...addresses].reduce((changed, [address, local]) => changed.replaceAll(address, local), text);
}

function pathOf(request: IncomingMessage): string {
  return decodeURIComponent(new URL(request.url ?? "/", "http://127.0.0.1/").pathname);
}

async function answer({ contents, headers = {}, addresses = new Map() }: ServerSettings, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = pathOf(request);
  const place = Object.keys(contents)
    .filter((key) => path === key || (key.endsWith("/") && path.startsWith(key)))
    .sort((a, b) => b.length - a.length)[0];
  const content = place === undefined ? undefined : contents[place];
  // Browsers ask for an icon by themselves where a page names none.
  const absent = path === "/favicon.ico" ? 204 : 404;
  if (content === undefined || place === undefined) return void response.writeHead(absent, headers).end();
  if ("text" in content) {
    return void response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "text/html; charset=utf-8", ...headers }).end(localise(content.text, addresses));
  }
  const file = fileAt("file" in content ? content.file : join(content.folder, normalize(`/${path.slice(place.length)}`)));
  if (file === null) return void response.writeHead(absent, headers).end();
  const type = TYPES[extname(file.path)] ?? "application/octet-stream";
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
