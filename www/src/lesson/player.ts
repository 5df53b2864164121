/** Where in a run the lesson stands, and whether it moves on by itself. Knows no page. */

/** How long a state is shown while it plays: long enough to read what moved, and to look there. */
export const STATE_MS = 2600;

export interface Position {
  /** How many updates the shown state has behind it. */
  readonly position: number;
  /** The last state's position. */
  readonly last: number;
  readonly isPlaying: boolean;
}

export class Player {
  readonly #onChange: (position: Position) => void;
  #position = 0;
  #last = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `onChange` is told of every change, but not of what changes nothing. */
  constructor(onChange: (position: Position) => void) {
    this.#onChange = onChange;
  }

  get present(): Position {
    return { position: this.#position, last: this.#last, isPlaying: this.#timer !== undefined };
  }

  /** Takes up a run of so many updates, at a position; it doesn't play. */
  load(last: number, position: number): void {
    this.#stop();
    this.#last = Math.max(0, last);
    this.#position = this.#within(position);
    this.#tell();
  }

  /** Goes to a position. While it plays, it goes on from there. */
  go(position: number): void {
    const target = this.#within(position);
    if (target === this.#position) return;
    this.#position = target;
    if (this.#timer !== undefined) this.#schedule();
    this.#tell();
  }

  /** Goes so many states on or back, at most to an end, and stops playing: whoever steps wants to look. */
  step(by: number): void {
    const wasPlaying = this.#timer !== undefined;
    this.#stop();
    const target = this.#within(this.#position + by);
    if (target === this.#position && !wasPlaying) return;
    this.#position = target;
    this.#tell();
  }

  /** Plays to the end; from the end, once more from the beginning. */
  play(): void {
    if (this.#timer !== undefined || this.#last === 0) return;
    if (this.#position === this.#last) this.#position = 0;
    this.#schedule();
    this.#tell();
  }

  pause(): void {
    if (this.#timer === undefined) return;
    this.#stop();
    this.#tell();
  }

  toggle(): void {
    if (this.#timer === undefined) this.play();
    else this.pause();
  }

  #schedule(): void {
    this.#stop();
    if (this.#position < this.#last) this.#timer = setTimeout(() => this.#moveOn(), STATE_MS);
  }

  #moveOn(): void {
    this.#timer = undefined;
    this.#position = this.#within(this.#position + 1);
    this.#schedule();
    this.#tell();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #within(position: number): number {
    return Math.min(this.#last, Math.max(0, Math.round(position)));
  }

  #tell(): void {
    this.#onChange(this.present);
  }
}
