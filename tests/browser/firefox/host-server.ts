/** Serves one page of the test's own, and everything else as the site has it: so the page is of the site's origin. */

import { startLocalServer, type LocalServer } from "../local-server.js";

export function startHostServer(site: string, html: string): Promise<LocalServer> {
  return startLocalServer(async (path, response, { method = "GET", url = "/" }) => {
    if (path === "/") {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
      return;
    }
    try {
      const found = await fetch(new URL(url.slice(1), site), { method });
      const type = found.headers.get("content-type") ?? "application/octet-stream";
      response.writeHead(found.status, { "content-type": type }).end(Buffer.from(await found.arrayBuffer()));
    } catch {
      response.writeHead(502).end();
    }
  });
}
