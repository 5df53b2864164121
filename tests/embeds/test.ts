/**
 * `test` and `expect` for the embeds: the servers that a real page would have to do with, and the ways to it. Every test fails, whatever
 * else it checks, if a page reports an error that the test did not announce, or asks for anything that is not on this machine.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";

import type { LocalServer } from "../browser/local-server.js";
import { expect, test as base, type Page } from "../browser/playwright.js";

import { localise, startServer, type Content } from "./server.js";

export { expect };

/** What `build.mjs` has written. */
export interface Built {
  /** The package's version. */
  readonly version: string;
  /** Its folder `dist`. */
  readonly dist: string;
  /** The demo site. */
  readonly site: string;
  /** The folders of the built pages, by name. */
  readonly pages: string;
}

/** A site of an author, who has the package from the CDN. */
export interface AuthorSettings {
  readonly contents: Readonly<Record<string, Content>>;
  /** Sent with every answer. Public addresses become those on this machine, as they do in texts. */
  readonly headers?: Readonly<Record<string, string>>;
}

interface Servers {
  readonly built: Built;
  /** Where the package's files may be had by every page, as from a public CDN. */
  readonly cdn: LocalServer;
  /** The site that has `embed.html`. */
  readonly site: LocalServer;
  /** The public addresses of both, as authors write them, and what stands for them here. */
  readonly addresses: ReadonlyMap<string, string>;
}

interface Tools {
  /** Starts the site of an author, an origin of its own. */
  readonly author: (settings: AuthorSettings) => Promise<LocalServer>;
  readonly watch: Watch;
}

export interface Watch {
  /** Announces errors that the test provokes: messages on the console or uncaught errors that match are none. */
  allowError(pattern: RegExp): void;
}

/** Every page may read what these servers send. */
const READABLE = { "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin" };

export const test = base.extend<Tools, Servers>({
  built: [
    async ({}, use) => {
      const folder = env["CLIP_TTL_EMBEDS"];
      if (folder === undefined) throw new Error("CLIP_TTL_EMBEDS must name the folder that tests/embeds/build.mjs has written");
      await use(JSON.parse(readFileSync(join(folder, "embeds.json"), "utf8")) as Built);
    },
    { scope: "worker" },
  ],
  cdn: [
    async ({ built }, use) => {
      // Sphinx has MathJax loaded on pages with formulas; what it makes of them doesn't matter here.
      const contents = { [`/npm/clip-ttl@${built.version}/dist/`]: { folder: built.dist }, "/npm/mathjax@4/tex-mml-chtml.js": { text: "" } };
      const server = await startServer({ contents, headers: READABLE });
      await use(server);
      await server.close();
    },
    { scope: "worker" },
  ],
  site: [
    async ({ built }, use) => {
      const server = await startServer({ contents: { "/clip-ttl/": { folder: built.site } }, headers: READABLE });
      await use(server);
      await server.close();
    },
    { scope: "worker" },
  ],
  addresses: [
    async ({ cdn, site }, use) => {
      await use(
        new Map([
          ["https://cdn.jsdelivr.net/", cdn.url],
          ["https://clip-ttl.github.io/", site.url],
        ]),
      );
    },
    { scope: "worker" },
  ],
  author: async ({ addresses }, use) => {
    const servers: LocalServer[] = [];
    await use(async ({ contents, headers = {} }) => {
      const local = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, localise(value, addresses)]));
      const server = await startServer({ contents, headers: local, addresses });
      servers.push(server);
      return server;
    });
    for (const server of servers) await server.close();
  },
  watch: [
    async ({ context }, use) => {
      const errors: string[] = [];
      const requests: string[] = [];
      const allowed: RegExp[] = [];
      context.on("console", (message) => {
        if (message.type() === "error") errors.push(`${message.text()} (${message.location().url})`);
      });
      context.on("weberror", (error) => void errors.push(`uncaught: ${error.error().message}`));
      context.on("request", (request) => {
        const { protocol, hostname } = new URL(request.url());
        if (protocol !== "data:" && protocol !== "blob:" && hostname !== "127.0.0.1") requests.push(request.url());
      });
      await use({ allowError: (pattern) => void allowed.push(pattern) });
      const unexpected = errors.filter((text) => !allowed.some((pattern) => pattern.test(text)));
      expect.soft(unexpected, "errors that the page reported").toEqual([]);
      expect.soft(requests, "requests that left this machine").toEqual([]);
    },
    { auto: true },
  ],
});

/** Notes violations of a page's Content-Security-Policy; to be called before the page is opened. Gives those so far. */
export async function watchViolations(page: Page): Promise<() => Promise<string[]>> {
  await page.addInitScript(() => {
    const violations: string[] = [];
    Object.assign(window, { violations });
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => violations.push(`${effectiveDirective} ${blockedURI}`));
  });
  return () => page.evaluate(() => (window as unknown as { violations: string[] }).violations);
}
