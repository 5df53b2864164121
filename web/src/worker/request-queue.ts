/** One engine, one request at a time: the others wait for their turn in the order in which they came. */

import { cancelled } from "../errors.js";

/** A request's knowledge of whether anybody still wants its answer. */
export interface Ticket {
  readonly signal: AbortSignal;
  /** Lets messages in, and throws if one of them has cancelled the request. */
  pause(): Promise<void>;
}

export class RequestQueue {
  readonly #aborts = new Map<number, AbortController>();
  #last: Promise<unknown> = Promise.resolve();

  /** Whether something is being worked on or waits. */
  get isBusy(): boolean {
    return this.#aborts.size > 0;
  }

  /** Does the work when all that came before is done, unless it has been cancelled by then. */
  async run<T>(id: number, work: (ticket: Ticket) => Promise<T>): Promise<T> {
    const abort = new AbortController();
    this.#aborts.set(id, abort);
    const before = this.#last;
    const turn = (async () => {
      await before;
      refuseCancelled(abort.signal);
      return work({ signal: abort.signal, pause: () => pause(abort.signal) });
    })();
    // Later requests wait for the end, not for the success.
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#aborts.delete(id);
    }
  }

  /** Ends a request at its next pause, or before it begins. */
  cancel(id: number): void {
    this.#aborts.get(id)?.abort();
  }
}

function refuseCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled("The request");
}

async function pause(signal: AbortSignal): Promise<void> {
  await nextTask();
  refuseCancelled(signal);
}

let channel: MessageChannel | null = null;
const waiting: (() => void)[] = [];

/**
 * Goes on in a new task, after the messages that have come by now. Timers would wait 4 ms each; `scheduler.yield` would
 * go on before the messages.
 */
function nextTask(): Promise<void> {
  if (channel === null) {
    channel = new MessageChannel();
    channel.port1.onmessage = () => waiting.shift()?.();
  }
  const { port2 } = channel;
  return new Promise((resolve) => {
    waiting.push(resolve);
    port2.postMessage(null);
  });
}

/** Lets go of the channel; Node.js would wait for it for ever. */
export function stopPausing(): void {
  channel?.port1.close();
  channel = null;
}
