/** Web servers on free ports of this machine: each is an origin of its own. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface LocalServer {
  /** Its origin, with a slash at the end. */
  readonly url: string;
  /** The path of each request so far, escapes resolved. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Answers a request for a path. Where that fails, the connection is cut. */
export type Answer = (path: string, response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

export async function startLocalServer(answer: Answer): Promise<LocalServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://127.0.0.1/").pathname);
    requests.push(path);
    Promise.resolve()
      .then(() => answer(path, response, request))
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return { url: `http://127.0.0.1:${port}/`, requests, close };
}

/** Of a file, by how its name ends, where that says something. */
export function typeOf(extension: string, otherwise = "application/octet-stream"): string {
  return TYPES[extension] ?? otherwise;
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
