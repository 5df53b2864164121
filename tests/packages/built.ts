/** What `build.mjs` made, and servers for it. */

import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createServer, type OutgoingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { env } from "node:process";

/** A folder that `build.mjs` made: `vite`, `webpack`, `plain` or `package`. */
export function built(name: string): string {
  const folder = env["CLIP_TTL_PACKAGES"];
  if (folder === undefined) throw new Error("CLIP_TTL_PACKAGES must name the folder that `node build.mjs --package FILE.tgz --out DIR` made");
  return join(folder, name);
}

export interface SiteOptions {
  /** Sent with every answer. */
  readonly headers?: OutgoingHttpHeaders | undefined;
  /** What stands for these words in pages and scripts. */
  readonly words?: Readonly<Record<string, string>> | undefined;
}

export interface Site {
  /** Its origin, with a slash at the end. */
  readonly url: string;
  /** Paths that were asked for. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
  ".webp": "image/webp",
};

/** Serves a folder on a port, and so an origin, of its own. */
export async function serve(folder: string, options: SiteOptions = {}): Promise<Site> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    requests.push(pathname);
    answer(folder, decodeURIComponent(pathname), options, response).catch(() => response.writeHead(404).end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    requests,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(folder: string, pathname: string, { headers = {}, words = {} }: SiteOptions, response: ServerResponse): Promise<void> {
  const path = join(folder, normalize(pathname.endsWith("/") ? `${pathname}index.html` : pathname));
  const type = TYPES[extname(path)] ?? "application/octet-stream";
  const { size } = await stat(path);
  if (!type.startsWith("text/")) {
    response.writeHead(200, { ...headers, "content-type": type, "content-length": size });
    createReadStream(path).pipe(response);
    return;
  }
  let text = await readFile(path, "utf8");
  for (const [word, meaning] of Object.entries(words)) text = text.replaceAll(word, meaning);
  response.writeHead(200, { ...headers, "content-type": type }).end(text);
}
