/** Finds a checkpoint's files in a repository of the hub. */

import { ClipTtlError } from "../errors.js";
import type { WireRepository } from "../protocol.js";
import { apiUrl, CONFIG_FILE, fileUrl, isCommit, MAIN, PREPROCESSOR_FILE, WEIGHTS_FILE } from "./address.js";
import { readHeader } from "./header.js";
import { askText, HttpError } from "./http.js";
import { HttpSource } from "./http-source.js";
import { isAbsent, readText, type FoundModel, type Locator, type LocatorTools, type Place } from "./locate.js";
import type { ByteSource } from "./source.js";

/** The hub's own account that offers safetensors in pull requests to those who have other weights. */
const CONVERTER = "SFconvertbot";

/** So many pull requests are looked at. */
const MOST_PULL_REQUESTS = 5;

/** A pull request and the commit that it is at. */
interface PullRequest {
  readonly number: number;
  readonly ref: string;
  readonly commit: string;
}

export class RepositoryLocator implements Locator {
  readonly place: Place;
  readonly #model: WireRepository;
  readonly #tools: LocatorTools;
  /** What was read to tell the commit. */
  #first: { readonly revision: string; readonly config: string | null } | null = null;

  constructor(model: WireRepository, tools: LocatorTools) {
    this.place = { source: `${model.hub}/${model.repository}/${model.weightsPath}`, ref: model.revision };
    this.#model = model;
    this.#tools = tools;
  }

  /** The commit. A branch's is told by the hub along with any small file. */
  async revision(): Promise<string | null> {
    const { revision } = this.#model;
    if (isCommit(revision)) return revision;
    const { text, response } = await this.#explained(() => this.#text(CONFIG_FILE, revision));
    const commit = response === null ? null : commitOf(response);
    this.#first = { revision: commit ?? revision, config: text };
    return commit;
  }

  async find(): Promise<FoundModel> {
    return this.#explained(async () => {
      const { revision, weightsPath } = this.#model;
      try {
        return await this.#findAt(this.#first?.revision ?? revision);
      } catch (error) {
        if (!isAbsent(error)) throw error;
        const isOpen = revision === MAIN && weightsPath === WEIGHTS_FILE;
        const found = isOpen ? await this.#findInPullRequests() : null;
        if (found !== null) return found;
        // Where nothing at all is there, and the hub has no word of its own for it, it's the name that is wrong.
        const isNamed = error instanceof HttpError && error.hubCode !== null;
        if (isOpen && !isNamed && this.#first?.config === null) throw error;
        throw this.#withoutWeights(error);
      }
    });
  }

  async #findAt(revision: string): Promise<FoundModel> {
    const { hub, repository, weightsPath } = this.#model;
    const url = fileUrl(hub, repository, revision, weightsPath);
    const reading = async (): Promise<{ source: ByteSource; header: Uint8Array }> => {
      const source = this.#source(url, revision);
      return { source, header: await readHeader(source) };
    };
    const known = this.#first?.revision === revision ? this.#first.config : undefined;
    const [config, preprocessor, { source, header }] = await Promise.all([
      known === undefined ? this.#text(CONFIG_FILE, revision).then(({ text }) => text) : known,
      this.#text(PREPROCESSOR_FILE, revision).then(({ text }) => text),
      reading(),
    ]);
    return { config, preprocessor, header, weights: source, url: url.href, revision: isCommit(revision) ? revision : source.version };
  }

  /** The branch has other weights only; somebody may have offered safetensors. */
  async #findInPullRequests(): Promise<FoundModel | null> {
    for (const { ref, commit } of (await this.#pullRequests()).slice(0, MOST_PULL_REQUESTS)) {
      try {
        const found = await this.#findAt(commit);
        const message = `the model's own branch has no ${WEIGHTS_FILE}; the one of ${ref} at commit ${commit} was taken, which somebody has offered there`;
        this.#tools.progress.warn({ code: "weights-from-pull-request", message });
        return found;
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    }
    return null;
  }

  /** The newest first, those of the hub's own account before others. */
  async #pullRequests(): Promise<readonly PullRequest[]> {
    const [refs, discussions] = await Promise.all([
      this.#json("refs?include_prs=1"),
      // Only tells whose offers come first.
      this.#json(`discussions?type=pull_request&author=${CONVERTER}`).catch((error: unknown) => {
        if (error instanceof ClipTtlError && error.code === "cancelled") throw error;
        return null;
      }),
    ]);
    const converted = listIn(discussions, "discussions")
      .filter((entry) => textIn(entry["author"], "name") === CONVERTER)
      .map((entry) => Number(entry["num"]));
    const rank = ({ number }: PullRequest): number => number + (converted.includes(number) ? 1e9 : 0);
    return listIn(refs, "pullRequests")
      .map((entry) => {
        const ref = textIn(entry, "ref");
        return { ref, number: Number(/^refs\/pr\/(\d+)$/.exec(ref)?.[1]), commit: textIn(entry, "targetCommit") };
      })
      .filter(({ number, commit }) => Number.isSafeInteger(number) && isCommit(commit))
      .sort((a, b) => rank(b) - rank(a));
  }

  /** An answer of the hub's interface for programs; null where the hub has no such list. That it can't be asked now is another matter. */
  async #json(path: string): Promise<unknown> {
    const { context } = this.#tools;
    const url = apiUrl(this.#model.hub, this.#model.repository, path);
    try {
      const { text } = await askText({ url, what: "the model's list of pull requests", file: "refs", cache: "no-store" }, context);
      return JSON.parse(text);
    } catch (error) {
      const isNone = error instanceof SyntaxError || (error instanceof HttpError && error.status === 404);
      if (isNone) return null;
      throw error;
    }
  }

  #text(file: string, revision: string): ReturnType<typeof readText> {
    const { hub, repository, weightsPath } = this.#model;
    const path = [...weightsPath.split("/").slice(0, -1), file].join("/");
    // What a branch is at now, no cache knows.
    const cache = isCommit(revision) ? "default" : "no-store";
    return readText(fileUrl(hub, repository, revision, path), file, { mayBeAbsent: true, cache }, this.#tools);
  }

  #source(url: URL, revision: string): ByteSource {
    const name = this.#model.weightsPath.split("/").at(-1) ?? WEIGHTS_FILE;
    this.#tools.progress.expect(name, null);
    return new HttpSource(url, {
      name,
      what: `${name} of ${this.#model.repository}`,
      context: this.#tools.context,
      isSequential: false,
      isImmutable: isCommit(revision),
    });
  }

  /** Says of the hub's refusals what they mean there. */
  async #explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (!(cause instanceof HttpError) || cause.status === null) throw cause;
      const { repository, revision } = this.#model;
      const answer = `the hub answered ${cause.status}`;
      if (cause.code === "model-unauthorized") {
        const reason = cause.hubCode === "GatedRepo" ? "its terms have to be accepted first" : "there is none of this name, or it is not public";
        throw new ClipTtlError("model-unauthorized", `${repository} can't be read: ${reason} (${answer})`, { cause });
      }
      if (cause.status !== 404) throw cause;
      const missing = cause.hubCode === "RevisionNotFound" ? `has no revision "${revision}"` : `is not there at revision "${revision}"`;
      throw new ClipTtlError("model-not-found", `${repository} ${missing} (${answer})`, { cause });
    }
  }

  #withoutWeights(cause: unknown): ClipTtlError {
    const { repository, revision, weightsPath } = this.#model;
    const where = revision === MAIN ? "neither on its branch main nor in its newest pull requests" : `not at revision "${revision}"`;
    return new ClipTtlError("model-incomplete", `${repository} has no ${weightsPath}: ${where}`, { cause });
  }
}

/** The commit that a file came from: a header says it, or the address that the hub redirected to. */
function commitOf({ headers, url }: Response): string | null {
  const named = headers.get("x-repo-commit") ?? /\/resolve-cache\/models\/[^/]+\/[^/]+\/([0-9a-f]{40})\//.exec(url)?.[1] ?? "";
  return isCommit(named) ? named : null;
}

function listIn(value: unknown, key: string): readonly Record<string, unknown>[] {
  const list: unknown = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  return Array.isArray(list) ? list.filter((entry): entry is Record<string, unknown> => typeof entry === "object" && entry !== null) : [];
}

function textIn(value: unknown, key: string): string {
  const text: unknown = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  return typeof text === "string" ? text : "";
}
