import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Player, STATE_MS, type Position } from "../../www/src/lesson/player.js";

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

function player(last: number, position = 0): { readonly player: Player; readonly told: Position[] } {
  const told: Position[] = [];
  const made = new Player((state) => told.push(state));
  made.load(last, position);
  told.length = 0;
  return { player: made, told };
}

test("it plays from state to state, and stops at the last", () => {
  const { player: it, told } = player(2);
  it.play();
  assert.deepEqual(told.at(-1), { position: 0, last: 2, isPlaying: true });
  mock.timers.tick(STATE_MS);
  assert.deepEqual(told.at(-1), { position: 1, last: 2, isPlaying: true });
  mock.timers.tick(STATE_MS);
  assert.deepEqual(told.at(-1), { position: 2, last: 2, isPlaying: false });
  mock.timers.tick(10 * STATE_MS);
  assert.equal(told.length, 3);
});

test("from the end it plays once more from the beginning", () => {
  const { player: it } = player(2, 2);
  it.play();
  assert.deepEqual(it.present, { position: 0, last: 2, isPlaying: true });
});

test("stepping pauses and stays within the run; what changes nothing isn't told", () => {
  const { player: it, told } = player(3);
  it.step(-1);
  assert.equal(told.length, 0);
  it.play();
  it.step(1);
  assert.deepEqual(it.present, { position: 1, last: 3, isPlaying: false });
  mock.timers.tick(10 * STATE_MS);
  assert.equal(it.present.position, 1);
  it.step(Infinity);
  assert.equal(it.present.position, 3);
  it.step(1);
  assert.equal(it.present.position, 3);
  it.step(-Infinity);
  assert.equal(it.present.position, 0);
});

test("a jump while it plays gives the new state its whole time", () => {
  const { player: it } = player(5);
  it.play();
  mock.timers.tick(STATE_MS - 1);
  it.go(3);
  mock.timers.tick(STATE_MS - 1);
  assert.equal(it.present.position, 3);
  mock.timers.tick(1);
  assert.equal(it.present.position, 4);
});

test("pausing at the last moment holds the state; toggling goes on from there", () => {
  const { player: it } = player(5, 1);
  it.toggle();
  mock.timers.tick(STATE_MS - 1);
  it.toggle();
  mock.timers.tick(STATE_MS);
  assert.deepEqual(it.present, { position: 1, last: 5, isPlaying: false });
  it.toggle();
  mock.timers.tick(STATE_MS);
  assert.equal(it.present.position, 2);
});

test("another run ends the playing, and a position outside of it is its nearest end", () => {
  const { player: it } = player(5);
  it.play();
  it.load(2, 9);
  assert.deepEqual(it.present, { position: 2, last: 2, isPlaying: false });
  mock.timers.tick(10 * STATE_MS);
  assert.equal(it.present.position, 2);
});

test("a run without updates has nothing to play", () => {
  const { player: it, told } = player(0);
  it.play();
  it.step(1);
  assert.equal(told.length, 0);
  assert.deepEqual(it.present, { position: 0, last: 0, isPlaying: false });
});
