/** Another site on this machine: pictures from there come with or without leave to read them. */

import { startLocalServer, type LocalServer } from "./local-server.js";
import { CHELSEA } from "./pictures.js";

/** `open.png` may be read by any page, `closed.png` by none; `page.html` is no picture; anything else is missing. Its requests have their methods. */
export async function startOtherSite(): Promise<LocalServer> {
  const readable = { "access-control-allow-origin": "*" };
  const requests: string[] = [];
  const server = await startLocalServer((path, response, { method }) => {
    requests.push(`${method} ${path}`);
    switch (path) {
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
  });
  return { ...server, requests };
}
