/**
 * What moved between two states of a run, and why, in sentences that are computed from its numbers.
 *
 * They say what was measured, and what an update does to every view; they never say that one thing caused another where nothing was
 * measured that would show it.
 */

import { formatNats, formatPercent } from "clip-ttl/element";
import type { ViewBox, ViewsState } from "clip-ttl";
import { placeOf, shareOf } from "./place.js";
import { order, weightByLabel, type RunState } from "./run-states.js";
import { sentence, type Part, type Sentence } from "./sentence.js";
import { words } from "./words.js";
import { verdict } from "./verdict.js";

/** What the sentences are about. */
export interface Story {
  readonly labels: readonly string[];
  readonly states: readonly RunState[];
  readonly views: readonly ViewBox[];
  /** Size of the upright picture, in pixels; null where the picture isn't at hand. */
  readonly picture: { readonly width: number; readonly height: number } | null;
  /** Entropy, in nats, at which a view weighs exactly 1. */
  readonly margin: number;
  /** Place of the right label in the list, or null where nobody has said it. */
  readonly right: number | null;
}

/** A mean entropy or a loss that moves by less, in nats, hardly moves. */
const NOTICEABLE_NATS = 0.005;
/** The views' prediction is worth a word from this many on. */
const FEW_VIEWS = 3;

/** The sentences for the state after `updates` updates. */
export function explain(story: Story, updates: number): readonly Sentence[] {
  const state = story.states[updates];
  if (state === undefined) return [];
  const previous = story.states[updates - 1];
  return previous === undefined ? beginning(story, state) : change(story, previous, state);
}

function beginning(story: Story, state: RunState): readonly Sentence[] {
  const text = words.beginning;
  const [first = 0, second = 0] = order(state.prediction);
  const answer = sentence(
    text.answer,
    {
      first: labelOf(story, first),
      firstShare: formatPercent(state.prediction[first] ?? 0),
      second: labelOf(story, second),
      secondShare: formatPercent(state.prediction[second] ?? 0),
      entropy: formatNats(state.predictionEntropy, 2),
      most: formatNats(Math.log(story.labels.length), 2),
    },
    3,
  );
  const { views } = state;
  if (views === null) return [answer];
  return [answer, ...extremes(story, views, state.updates), ...vote(story, views, first), sentence(text.noTruth)];
}

function change(story: Story, before: RunState, after: RunState): readonly Sentence[] {
  const isLast = after.updates === story.states.length - 1;
  return [
    ...meanMoved(before, after),
    answerMoved(story, before, after),
    ...(story.right === null ? [] : [truth(story, story.right, after)]),
    ...(after.views === null ? [] : extremes(story, after.views, after.updates).slice(0, 1)),
    ...viewsMoved(story, before, after),
    ...lossRose(before, after),
    ...largestNorm(after),
    ...(isLast ? [inAll(story, after)] : []),
  ];
}

/** The surest view and the least sure one. */
function extremes(story: Story, views: ViewsState, updates: number): readonly Sentence[] {
  const text = words.extremes;
  const byEntropy = order(views.viewEntropies);
  const [surest, unsurest] = [byEntropy.at(-1), byEntropy[0]];
  if (surest === undefined || unsurest === undefined || surest === unsurest) return [];
  const entropyOf = (view: number): number => views.viewEntropies[view] ?? 0;
  const weightOf = (view: number): number => views.viewWeights[view] ?? 0;
  const mean = views.viewWeights.reduce((sum, weight) => sum + weight, 0) / views.viewWeights.length;
  const isLast = updates === story.states.length - 1;
  const sure = sentence(
    isLast ? text.surestAtEnd : text.surest,
    {
      view: { view: surest },
      place: whereabouts(story, surest),
      label: labelOf(story, views.viewLabels[surest] ?? 0),
      share: formatPercent(views.viewProbabilities[surest] ?? 0),
      entropy: formatNats(entropyOf(surest), 2),
      margin: formatNats(story.margin, 2),
      weight: formatNats(weightOf(surest), 2),
      times: times(weightOf(surest) / mean),
    },
    1,
  );
  const unsure = sentence(
    text.unsurest,
    {
      view: { view: unsurest },
      entropy: formatNats(entropyOf(unsurest), 2),
      weight: formatNats(weightOf(unsurest), 2),
      other: { view: surest },
      times: times(weightOf(surest) / weightOf(unsurest)),
    },
    2,
  );
  return [sure, unsure];
}

/** What the next update listens to, by weight. */
function vote(story: Story, views: ViewsState, answer: number): readonly Sentence[] {
  if (views.viewLabels.length < FEW_VIEWS) return [];
  const shares = weightByLabel(views, story.labels.length);
  const top = order(shares)[0] ?? 0;
  const text = words.beginning;
  return [sentence(top === answer ? text.voteAgrees : text.voteDiffers, { label: labelOf(story, top), share: formatPercent(shares[top] ?? 0) })];
}

function meanMoved(before: RunState, after: RunState): readonly Sentence[] {
  if (before.views === null || after.views === null) return [];
  const difference = after.views.entropy - before.views.entropy;
  const text = words.change;
  const pattern = Math.abs(difference) < NOTICEABLE_NATS ? text.meanStayed : difference < 0 ? text.meanFell : text.meanRose;
  return [
    sentence(pattern, {
      update: String(after.updates),
      before: formatNats(before.views.entropy, 2),
      after: formatNats(after.views.entropy, 2),
    }),
  ];
}

/** The answer before and after, and how much of the weight was with it. */
function answerMoved(story: Story, before: RunState, after: RunState): Sentence {
  const text = words.change;
  const [first, second] = [order(before.prediction)[0] ?? 0, order(after.prediction)[0] ?? 0];
  const values: Record<string, Part> = {
    first: labelOf(story, first),
    second: labelOf(story, second),
    before: formatPercent(before.prediction[first] ?? 0),
    secondBefore: formatPercent(before.prediction[second] ?? 0),
    after: formatPercent(after.prediction[second] ?? 0),
  };
  if (first === second) return sentence(text.answerStayed, values, 3);
  if (before.views === null) return sentence(text.answerMoved, values, 3);
  const shares = weightByLabel(before.views, story.labels.length);
  const isTop = order(shares)[0] === second;
  const pattern = `${text.answerMoved} ${isTop ? text.movedWithWeight : text.movedAgainstWeight}`;
  return sentence(pattern, { ...values, share: formatPercent(shares[second] ?? 0) }, 3);
}

/** The right answer's way since the beginning. */
function truth(story: Story, right: number, after: RunState): Sentence {
  const before = story.states[0] ?? after;
  return sentence(words.verdicts[verdict(before, after, right)], {
    right: labelOf(story, right),
    before: formatPercent(before.prediction[right] ?? 0),
    after: formatPercent(after.prediction[right] ?? 0),
    wrong: labelOf(story, order(after.prediction)[0] ?? 0),
  });
}

/** The view that changed most, and how many are taken for something else now. */
function viewsMoved(story: Story, before: RunState, after: RunState): readonly Sentence[] {
  const [one, other] = [before.views, after.views];
  if (one === null || other === null || one.viewLabels.length < FEW_VIEWS) return [];
  const text = words.change;
  const moves = one.viewEntropies.map((entropy, view) => Math.abs((other.viewEntropies[view] ?? 0) - entropy));
  const view = order(moves)[0] ?? 0;
  const [from, to] = [one.viewLabels[view] ?? 0, other.viewLabels[view] ?? 0];
  const most = sentence(from === to ? text.viewMoved : text.viewChanged, {
    view: { view },
    before: formatNats(one.viewEntropies[view], 2),
    after: formatNats(other.viewEntropies[view], 2),
    from: labelOf(story, from),
    to: labelOf(story, to),
  });
  const changed = one.viewLabels.filter((label, index) => label !== other.viewLabels[index]).length;
  return [most, sentence(text.viewsChanged(changed, one.viewLabels.length))];
}

function lossRose(before: RunState, after: RunState): readonly Sentence[] {
  const [one, other] = [before.views, after.views];
  if (one === null || other === null || other.loss - one.loss < NOTICEABLE_NATS || other.entropy >= one.entropy) return [];
  return [sentence(words.change.lossRose, { before: formatNats(one.loss, 2), after: formatNats(other.loss, 2) })];
}

function largestNorm({ norms }: RunState): readonly Sentence[] {
  const largest = norms[order(norms.map(({ norm }) => norm))[0] ?? 0];
  if (largest === undefined) return [];
  const projection = words.projections[largest.projection] ?? largest.projection;
  return [sentence(words.change.largestNorm, { projection, block: String(largest.block + 1), norm: formatNats(largest.norm, 3) })];
}

function inAll(story: Story, after: RunState): Sentence {
  const before = story.states[0] ?? after;
  return sentence(after.predictionEntropy < before.predictionEntropy ? words.change.inAllSurer : words.change.inAllLessSure, {
    updates: words.updates(after.updates),
    before: formatNats(before.predictionEntropy, 2),
    after: formatNats(after.predictionEntropy, 2),
  });
}

function labelOf(story: Story, label: number): Part {
  return { label: story.labels[label] ?? "" };
}

/** What a view shows, as far as its place can be told. */
function whereabouts({ views, picture }: Story, view: number): string {
  if (view === 0) return words.places.centre;
  const box = views[view]?.box;
  if (box === undefined || picture === null) return words.places.somewhere;
  return words.places.crop(placeOf(box, picture), formatPercent(shareOf(box, picture)));
}

function times(ratio: number): string {
  return ratio >= 9.95 ? String(Math.round(ratio)) : formatNats(ratio, 1);
}
