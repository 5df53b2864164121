/** The player's buttons, the scrubber and the keys. Where the run stands, the player knows. */

import { byId, make, onPress, setEnabled, setText } from "../page-dom.js";
import type { Player, Position } from "./player.js";
import { words } from "./words.js";

/** Above this many updates the scrubber's numbers would touch each other. */
const MOST_TICKS = 12;

export class PlayerBar {
  readonly #player: Player;
  readonly #onStep: (spoken: string) => void;
  readonly #element = byId("player", HTMLElement);
  readonly #scrubber = byId("scrubber", HTMLInputElement);
  readonly #ticks = byId("scrubber-ticks", HTMLElement);
  readonly #state = byId("player-state", HTMLElement);
  readonly #first = byId("player-first", HTMLButtonElement);
  readonly #back = byId("player-back", HTMLButtonElement);
  readonly #play = byId("player-play", HTMLButtonElement);
  readonly #on = byId("player-on", HTMLButtonElement);
  readonly #last = byId("player-last", HTMLButtonElement);
  #drawnLast = -1;
  #spoken = "";

  /** `onStep` is told where a button or a key has led, for those who don't see the figures. The scrubber says it by itself. */
  constructor(player: Player, onStep: (spoken: string) => void) {
    this.#player = player;
    this.#onStep = onStep;
    onPress(this.#first, () => this.#step(-Infinity));
    onPress(this.#back, () => this.#step(-1));
    onPress(this.#play, () => player.toggle());
    onPress(this.#on, () => this.#step(1));
    onPress(this.#last, () => this.#step(Infinity));
    this.#scrubber.addEventListener("input", () => {
      const position = Number(this.#scrubber.value);
      player.pause();
      player.go(position);
    });
    document.addEventListener("keydown", (event) => this.#takeKey(event));
  }

  /** Whether a part of it can be seen. */
  get isInSight(): boolean {
    const { top, bottom } = this.#element.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  }

  /** Shows where it stands; `spoken` says it for those who don't see the figures. */
  show({ position, last, isPlaying }: Position, spoken: string): void {
    this.#spoken = spoken;
    if (last !== this.#drawnLast) this.#drawTicks(last);
    this.#scrubber.value = String(position);
    this.#scrubber.setAttribute("aria-valuetext", spoken);
    setText(this.#state, words.player.state(position, last));
    setText(this.#play, isPlaying ? words.player.pause : words.player.play);
    setEnabled(this.#play, last > 0);
    for (const [button, isPossible] of [
      [this.#first, position > 0],
      [this.#back, position > 0],
      [this.#on, position < last],
      [this.#last, position < last],
    ] as const) {
      setEnabled(button, isPossible);
    }
  }

  #step(by: number): void {
    const { position } = this.#player.present;
    this.#player.step(by);
    if (this.#player.present.position !== position) this.#onStep(this.#spoken);
  }

  #drawTicks(last: number): void {
    this.#drawnLast = last;
    this.#scrubber.max = String(Math.max(1, last));
    this.#scrubber.disabled = last === 0;
    const every = Math.max(1, Math.ceil(last / MOST_TICKS));
    const ticks = Array.from({ length: Math.floor(last / every) + 1 }, (_, at) => at * every);
    this.#ticks.replaceChildren(
      ...ticks.map((tick) => {
        const node = make("span", {}, String(tick));
        node.style.setProperty("--at", String(last === 0 ? 0 : tick / last));
        return node;
      }),
    );
  }

  /** Keys count everywhere but where they mean something else. */
  #takeKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const target = event.target instanceof Element ? event.target : null;
    const isScrubber = target === this.#scrubber;
    const isElsewhere = target?.closest("input, textarea, select, [role=slider], [role=option], [contenteditable]") ?? null;
    if (isElsewhere !== null && !isScrubber) return;
    if (event.key === " ") {
      // A button that has the focus is what the space bar means.
      if (target?.closest("button, summary, a, label") != null) return;
      event.preventDefault();
      this.#player.toggle();
      return;
    }
    // The scrubber has these keys by itself.
    const steps: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    const by = steps[event.key];
    if (by === undefined || isScrubber) return;
    event.preventDefault();
    this.#step(by);
  }
}
