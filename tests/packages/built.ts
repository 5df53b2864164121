/** What `build.mjs` made, and servers for it. */

import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { extname, join, normalize } from "node:path";
import { env } from "node:process";

import { startLocalServer, typeOf, type LocalServer } from "../browser/local-server.js";

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

/** Serves a folder on a port, and so an origin, of its own. What isn't in it is missing. */
export function serve(folder: string, options: SiteOptions = {}): Promise<LocalServer> {
  return startLocalServer((path, response) => answer(folder, path, options, response).catch(() => void response.writeHead(404).end()));
}

async function answer(folder: string, pathname: string, { headers = {}, words = {} }: SiteOptions, response: ServerResponse): Promise<void> {
  const path = join(folder, normalize(pathname.endsWith("/") ? `${pathname}index.html` : pathname));
  const type = typeOf(extname(path));
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
