/**
 * A hub on this machine: repositories in the layout of huggingface.co, with its headers, its redirect to another origin for large
 * files, and faults that can be switched on. Needs nothing but Node.js: the unit tests in `web/test` use it too.
 */

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

export type Files = Readonly<Record<string, Buffer | string>>;

/** A repository's revisions: what names them, and the files of each commit. */
export interface HubRepository {
  /** Files by commit (40 hexadecimal digits). */
  readonly commits: Record<string, Files>;
  /** Commits by branch or pull request: `main`, `refs/pr/1`. */
  readonly refs: Record<string, string>;
}

/** What is wrong with an answer. Without any of these, the answer is as it should be. */
export interface Fault {
  /** The connection is cut after so many bytes of the body; with "before", before any answer. */
  readonly cutAfterBytes?: number | "before";
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The whole file is sent, whatever part is asked for. */
  readonly ignoresRange?: boolean;
  /** The part sent begins so many bytes later than was asked for. */
  readonly rangeShift?: number;
  /** A part is sent at most so long. */
  readonly longestPart?: number;
  /** The body ends so many bytes early, with lengths that say nothing about it. */
  readonly missingBytes?: number;
  readonly compresses?: boolean;
  readonly withoutCors?: boolean;
  /** Answers to requests for parts may not be read, as if they had to be asked for beforehand. */
  readonly withoutCorsForParts?: boolean;
  readonly etag?: string | null;
  readonly withoutExposedHeaders?: boolean;
  /** Nothing is ever answered. */
  readonly isSilent?: boolean;
  readonly delayMs?: number;
}

/** One request, as it came. */
export interface HubRequest {
  /** The path, escapes resolved. */
  readonly path: string;
  readonly method: string;
  readonly range: string | null;
  /** Names of all headers that were sent. */
  readonly headers: readonly string[];
  /** Of the body, so far. */
  sentBytes: number;
}

/** Decides what is wrong with the answer to a request. `count` is how often this path was asked for before. */
export type Faults = (request: HubRequest, count: number) => Fault | undefined;

const EXPOSED = "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag";

/** Large files are on another server. */
const isLarge = (path: string): boolean => path.endsWith(".safetensors");

export class HubServer {
  readonly repositories: Record<string, HubRepository>;
  readonly requests: HubRequest[] = [];
  faults: Faults = () => undefined;
  /** Whether large files come from another origin, by a redirect. */
  redirects = true;
  /** Whether the commit of a branch is told. */
  tellsCommit = true;
  readonly #hub: Server;
  readonly #bridge: Server;
  readonly #counts = new Map<string, number>();
  #ports: readonly [number, number] = [0, 0];

  private constructor(repositories: Record<string, HubRepository>) {
    this.repositories = repositories;
    this.#hub = createServer((request, response) => void this.#answer(request, response, false));
    this.#bridge = createServer((request, response) => void this.#answer(request, response, true));
  }

  static async start(repositories: Record<string, HubRepository>): Promise<HubServer> {
    const server = new HubServer(repositories);
    server.#ports = [await listen(server.#hub, 0), await listen(server.#bridge, 0)];
    return server;
  }

  /** The hub's address, without a slash at its end. */
  get url(): string {
    return `http://127.0.0.1:${this.#ports[0]}`;
  }

  /** Matches addresses of the hub, and of the server that large files are on. */
  get pattern(): RegExp {
    return new RegExp(`^http://127\\.0\\.0\\.1:(${this.#ports.join("|")})/`);
  }

  /** Bytes of a file's body that were sent. */
  sentBytes(file: string): number {
    return this.requests.filter(({ path }) => path.endsWith(file)).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  }

  forget(): void {
    this.requests.length = 0;
    this.#counts.clear();
  }

  /** Goes away, as a server does that nobody reaches. */
  async stop(): Promise<void> {
    await Promise.all([stop(this.#hub), stop(this.#bridge)]);
  }

  /** Comes back at the same address. */
  async resume(): Promise<void> {
    await listen(this.#hub, this.#ports[0]);
    await listen(this.#bridge, this.#ports[1]);
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse, isBridge: boolean): Promise<void> {
    const path = decodeURIComponent(new URL(incoming.url ?? "/", this.url).pathname);
    const count = this.#counts.get(path) ?? 0;
    const request: HubRequest = { path, method: incoming.method ?? "", range: incoming.headers.range ?? null, headers: Object.keys(incoming.headers), sentBytes: 0 };
    this.requests.push(request);
    // What is wrong is wrong with the answer that has the body, not with the redirect to it.
    const place = this.#find(path);
    const isRedirected = this.redirects && !isBridge && place !== null && place.file !== null && isLarge(place.path);
    const fault = isRedirected ? {} : (this.faults(request, count) ?? {});
    if (!isRedirected) this.#counts.set(path, count + 1);
    if (fault.isSilent === true) return;
    if (fault.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    if (fault.cutAfterBytes === "before") return void incoming.socket.destroy();
    const isForbidden = fault.withoutCors === true || (fault.withoutCorsForParts === true && request.range !== null);
    const headers: Record<string, string> = isForbidden ? {} : { "access-control-allow-origin": "*" };
    if (fault.withoutExposedHeaders !== true) headers["access-control-expose-headers"] = EXPOSED;
    Object.assign(headers, fault.headers);
    if (fault.status !== undefined) return void response.writeHead(fault.status, headers).end();
    if (incoming.method === "OPTIONS") return void response.writeHead(405).end();
    if (path.startsWith("/api/models/")) return this.#answerApi(path, response, headers);
    if (place === null) return void response.writeHead(404, { ...headers, "x-error-code": "RepoNotFound" }).end();
    if (this.tellsCommit && place.commit !== null) headers["x-repo-commit"] = place.commit;
    if (place.commit === null) return void response.writeHead(404, { ...headers, "x-error-code": "RevisionNotFound" }).end();
    if (place.file === null) return void response.writeHead(404, { ...headers, "x-error-code": "EntryNotFound" }).end();
    if (isRedirected) {
      const location = `http://127.0.0.1:${this.#ports[1]}${incoming.url}`;
      return void response.writeHead(302, { ...headers, location }).end();
    }
    await send(request, response, typeof place.file === "string" ? Buffer.from(place.file) : place.file, headers, fault);
  }

  #find(path: string): { commit: string | null; file: Buffer | string | null; path: string } | null {
    const [, owner, name, rest = ""] = /^\/([^/]+)\/([^/]+)\/resolve\/(.+)$/.exec(path) ?? [];
    const repository = this.repositories[`${owner}/${name}`];
    if (repository === undefined) return null;
    const ref = Object.keys({ ...repository.refs, ...repository.commits }).find((known) => rest.startsWith(`${known}/`));
    if (ref === undefined) return { commit: null, file: null, path: "" };
    const commit = repository.refs[ref] ?? ref;
    const file = rest.slice(ref.length + 1);
    return { commit, file: repository.commits[commit]?.[file] ?? null, path: file };
  }

  #answerApi(path: string, response: ServerResponse, headers: Record<string, string>): void {
    const [, id, what] = /^\/api\/models\/([^/]+\/[^/]+)\/(.+)$/.exec(path) ?? [];
    const repository = this.repositories[id ?? ""];
    const entries = Object.entries(repository?.refs ?? {}).map(([ref, targetCommit]) => ({ name: ref, ref, targetCommit }));
    const pullRequests = entries.filter(({ ref }) => ref.startsWith("refs/pr/"));
    const discussions = pullRequests.map(({ ref }) => ({ num: Number(ref.split("/").at(-1)), author: { name: "SFconvertbot" }, isPullRequest: true }));
    const body = what === "refs" ? { branches: entries.filter(({ ref }) => !ref.startsWith("refs/")), pullRequests } : { discussions };
    response.writeHead(repository === undefined ? 404 : 200, { ...headers, "content-type": "application/json" }).end(JSON.stringify(body));
  }
}

const etags = new WeakMap<Buffer, string>();

function etagOf(file: Buffer): string {
  const etag = etags.get(file) ?? `"${createHash("sha256").update(file).digest("hex").slice(0, 16)}"`;
  etags.set(file, etag);
  return etag;
}

async function send(request: HubRequest, response: ServerResponse, file: Buffer, headers: Record<string, string>, fault: Fault): Promise<void> {
  const etag = fault.etag === undefined ? etagOf(file) : fault.etag;
  if (etag !== null) headers["etag"] = etag;
  headers["accept-ranges"] = "bytes";
  const range = fault.ignoresRange === true ? null : /^bytes=(\d+)-(\d+)$/.exec(request.range ?? "");
  let body = file;
  let status = 200;
  if (range !== null) {
    const first = Number(range[1]) + (fault.rangeShift ?? 0);
    const last = Math.min(Number(range[2]) + (fault.rangeShift ?? 0), file.length - 1, first + (fault.longestPart ?? Infinity) - 1);
    if (first >= file.length) return void response.writeHead(416, { ...headers, "content-range": `bytes */${file.length}` }).end();
    body = file.subarray(first, last + 1);
    status = 206;
    headers["content-range"] = `bytes ${first}-${last}/${file.length}`;
  }
  if (fault.compresses === true) {
    body = gzipSync(body);
    headers["content-encoding"] = "gzip";
  }
  const end = body.length - (fault.missingBytes ?? 0);
  // Without a length, the end of the connection is the end of the body.
  if (fault.missingBytes === undefined) headers["content-length"] = String(body.length);
  else headers["connection"] = "close";
  response.writeHead(status, headers);
  const cut = typeof fault.cutAfterBytes === "number" ? fault.cutAfterBytes : null;
  const sent = body.subarray(0, Math.min(end, cut ?? Infinity));
  request.sentBytes += sent.length;
  if (cut === null || cut >= end) return void response.end(sent);
  response.flushHeaders();
  // What is written leaves before the connection is cut, and has a moment to be read: receivers may drop what they haven't.
  await new Promise((resolve) => response.write(sent, resolve));
  await new Promise((resolve) => setTimeout(resolve, 2));
  response.socket?.destroySoon();
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
