/** A file's body as it comes from the first byte to the last, cut into parts on the way. */

import type { Reply } from "./http.js";

export class WholeBody {
  readonly #reply: Reply;
  /** What has come and isn't taken yet. */
  #rest: Uint8Array = new Uint8Array();
  #position = 0;

  constructor(reply: Reply) {
    this.#reply = reply;
  }

  /** Where in the file the next byte is. */
  get position(): number {
    return this.#position;
  }

  /** The next bytes, at most so many; null at the end. */
  async next(most: number): Promise<Uint8Array | null> {
    while (this.#rest.length === 0) {
      const chunk = await this.#reply.next();
      if (chunk === null) return null;
      this.#rest = chunk;
    }
    const taken = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(taken.length);
    this.#position += taken.length;
    return taken;
  }

  /** Lets bytes pass by; false where the body ends before that place. */
  async skipTo(offset: number): Promise<boolean> {
    while (this.#position < offset) {
      if ((await this.next(offset - this.#position)) === null) return false;
    }
    return true;
  }

  cancel(): void {
    this.#reply.cancel();
  }
}
