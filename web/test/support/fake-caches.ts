/** A browser's storage in memory, as far as it is used; with an end to its space. */

export class FakeCaches {
  readonly entries = new Map<string, { bytes: Uint8Array<ArrayBuffer>; headers: Headers }>();
  quotaBytes = Infinity;
  /** How often something was written. */
  writes = 0;

  asStorage(): CacheStorage {
    const cache = {
      match: async (request: RequestInfo) => {
        const entry = this.entries.get(urlOf(request));
        return entry === undefined ? undefined : new Response(entry.bytes.slice(), { headers: entry.headers });
      },
      put: async (request: RequestInfo, response: Response) => {
        const bytes = new Uint8Array(await response.arrayBuffer());
        const used = [...this.entries.values()].reduce((sum, entry) => sum + entry.bytes.length, 0);
        if (used + bytes.length > this.quotaBytes) throw new DOMException("Quota exceeded.", "QuotaExceededError");
        this.writes += 1;
        this.entries.set(urlOf(request), { bytes, headers: response.headers });
      },
      delete: async (request: RequestInfo) => this.entries.delete(urlOf(request)),
      keys: async () => [...this.entries.keys()].map((url) => new Request(url)),
    };
    return { open: async () => cache, delete: async () => (this.entries.clear(), true) } as unknown as CacheStorage;
  }

  /** Addresses of entries that end like this. */
  named(end: string): string[] {
    return [...this.entries.keys()].filter((url) => url.endsWith(end));
  }

  /** Changes one byte of an entry. */
  damage(url: string): void {
    const entry = this.entries.get(url);
    if (entry === undefined) throw new Error(`there is no ${url}`);
    entry.bytes[0] = (entry.bytes[0] ?? 0) ^ 1;
  }
}

function urlOf(request: RequestInfo): string {
  return typeof request === "string" ? request : request.url;
}
