/**
 * Serves the peers to the browser from this machine: a page, the libraries' files as npm installed them, and content that was made
 * in memory.
 *
 * It sends no Cross-Origin-Opener-Policy: a page without it has no SharedArrayBuffer, so that no library can start more threads.
 */

import { readFile, realpath } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const BYTES = "application/octet-stream";
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Peers of clip-ttl</title><link rel="icon" href="data:,"></html>`;

/** Where a path's first part leads, and what lies there that a page may have. */
const FOLDERS = {
  pages: join(HERE, "pages"),
  "onnxruntime-web": join(HERE, "node_modules/onnxruntime-web/dist"),
  "jax-js": join(HERE, "node_modules/@jax-js/jax/dist"),
};

/**
 * @param {Map<string, Uint8Array>} made Content by its name; it is served at `/made/NAME`, and may be added to later.
 * @param {Record<string, string>} [more] Other folders, by the first parts of their files' paths.
 * @returns {Promise<{ address: string, close: () => Promise<void> }>} `address` is that of an empty page, with a slash at its end.
 */
export async function serve(made, more = {}) {
  const folders = { ...FOLDERS, ...more };
  const server = createServer(async (request, response) => {
    const answer = (status, type, body) => response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
    if (request.method !== "GET" && request.method !== "HEAD") {
      answer(405, TYPES[".html"], "");
      return;
    }
    try {
      const path = decodeURIComponent(new URL(request.url ?? "/", "http://peers").pathname);
      const found = await find(path, made, folders);
      if (found === null) {
        answer(404, TYPES[".html"], "");
      } else {
        answer(200, found.type, found.body);
      }
    } catch {
      // An address that cannot be read as one.
      answer(400, TYPES[".html"], "");
    }
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(undefined));
  });
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const close = () => {
    // The browser keeps connections open, and `close` alone would wait for them.
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve(undefined)));
  };
  return { address: `http://127.0.0.1:${port}/`, close };
}

/**
 * @param {string} path Begins with a slash.
 * @param {Map<string, Uint8Array>} made
 * @param {Record<string, string>} folders
 * @returns {Promise<{ type: string, body: string | Uint8Array } | null>}
 */
async function find(path, made, folders) {
  if (path === "/") {
    return { type: TYPES[".html"], body: PAGE };
  }
  const type = TYPES[extname(path)] ?? BYTES;
  const [, first, ...rest] = path.split("/");
  if (first === "made") {
    const body = made.get(rest.join("/"));
    return body === undefined ? null : { type, body };
  }
  const folder = Object.hasOwn(folders, first) ? folders[first] : undefined;
  if (folder === undefined) {
    return null;
  }
  try {
    const file = await within(folder, join(folder, ...rest));
    return file === null ? null : { type, body: await readFile(file) };
  } catch {
    return null;
  }
}

/** The file itself, or null where it lies outside the folder: by its path, or by a link. */
async function within(folder, path) {
  const [root, file] = await Promise.all([realpath(folder), realpath(path)]);
  return file.startsWith(root + sep) ? file : null;
}
