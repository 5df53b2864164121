/** Runs that were asked for while their picture is still on its way: the last one counts, and it can be called off. */

import { cancelled } from "../errors.js";
import type { PictureHolder } from "./picture-holder.js";

export class PictureWait {
  readonly #changed: () => void;
  /** Counts runs and their ends. */
  #turn = 0;
  #isWaiting = false;

  /** `changed` is called when a run begins to wait, and when none does any more. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Waits for the picture that is wanted. Rejects where the run is called off meanwhile, or the picture can't be shown. */
  async until(holder: PictureHolder): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    const hasToWait = holder.isReading;
    if (hasToWait) this.#set(true);
    await holder.settled();
    if (turn !== this.#turn) throw cancelled("The run");
    this.#set(false);
    // Why has been told already. An older picture that is still shown is not the one that the run was about.
    if (hasToWait && holder.refusal !== null) throw holder.refusal;
  }

  /** Calls off the run that waits, if there is one. */
  callOff(): void {
    this.#turn += 1;
    this.#set(false);
  }

  #set(isWaiting: boolean): void {
    if (isWaiting === this.#isWaiting) return;
    this.#isWaiting = isWaiting;
    this.#changed();
  }
}
