/** Serves one page of the test's own, and everything else as the site has it: so the page is of the site's origin. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface HostServer {
  readonly url: string;
  /** Paths that were asked for, in turn. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export async function startHostServer(site: string, html: string): Promise<HostServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => void answer(request, response));
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? "/";
    requests.push(path);
    if (path === "/") {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
      return;
    }
    try {
      const found = await fetch(new URL(path.slice(1), site), { method: request.method ?? "GET" });
      const type = found.headers.get("content-type") ?? "application/octet-stream";
      response.writeHead(found.status, { "content-type": type }).end(Buffer.from(await found.arrayBuffer()));
    } catch {
      response.writeHead(502).end();
    }
  };
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
