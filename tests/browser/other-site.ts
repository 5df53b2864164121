/** Another site on this machine: pictures from there come with or without leave to read them. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { CHELSEA } from "./pictures.js";

export interface OtherSite {
  /** Its origin, with a slash at the end. */
  readonly url: string;
  /** Method and path of each request so far. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** `open.png` may be read by any page, `closed.png` by none; `page.html` is no picture; anything else is missing. */
export async function startOtherSite(): Promise<OtherSite> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, requests, close: () => stop(server) };
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const readable = { "access-control-allow-origin": "*" };
  switch (request.url) {
    case "/open.png":
      response.writeHead(200, { ...readable, "content-type": "image/png" }).end(CHELSEA);
      break;
    case "/closed.png":
      response.writeHead(200, { "content-type": "image/png" }).end(CHELSEA);
      break;
    case "/page.html":
      response.writeHead(200, { ...readable, "content-type": "text/html" }).end("<!doctype html><title>A page</title>");
      break;
    default:
      response.writeHead(404, readable).end();
  }
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
