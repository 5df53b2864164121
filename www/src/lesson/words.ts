/** Every text of the lesson that its scripts show. Text that never changes is in lesson.html. */

import type { Place } from "./place.js";
import type { Verdict } from "./verdict.js";

const updates = (count: number): string => (count === 1 ? "1 update" : `${count} updates`);

const PLACES: Readonly<Record<Place, string>> = {
  all: "nearly all of the picture",
  middle: "the middle",
  upper: "the upper part",
  lower: "the lower part",
  left: "the left side",
  right: "the right side",
  "upper-left": "the upper left",
  "upper-right": "the upper right",
  "lower-left": "the lower left",
  "lower-right": "the lower right",
};

export const words = {
  updates,
  places: {
    centre: "the centre crop itself",
    somewhere: "one of the crops",
    crop: (place: Place, share: string): string => `a crop of ${PLACES[place]}, ${share} of the picture’s area`,
  },
  projections: { q_proj: "query", k_proj: "key", v_proj: "value", out_proj: "output" } as Readonly<Record<string, string>>,
  story: {
    heading: (count: number): string => (count === 0 ? "Before any update" : `After ${updates(count)}`),
    view: (view: number): string => `View ${view + 1}`,
  },
  player: {
    play: "Play",
    pause: "Pause",
    state: (position: number, last: number): string => (last === 0 ? "Nothing to step through yet" : position === 0 ? `Before any of ${last === 1 ? "1 update" : `${last} updates`}` : `After ${position} of ${updates(last)}`),
    spoken: (state: string, label: string, share: string, entropy: string): string => `${state}: ${label}, ${share}; mean entropy of the views ${entropy} nats`,
  },
  views: {
    title: (view: number, count: number): string => `View ${view + 1} of ${count}`,
    centre: "View 1, the centre crop",
    takenFor: (label: string, share: string): string => `taken for ${label} (${share})`,
    weight: (weight: string, times: string): string => `${weight}, ${times} times the mean`,
    facts: (entropy: string, weight: string): string => `entropy ${entropy} nats; weight ${weight}`,
    notMeasured: "not measured at the end of this run",
    mirrored: "mirrored",
  },
  norms: {
    caption: "Frobenius norm of each matrix’s change, alpha / rank · B · A",
    block: "Block",
    projection: (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    none: "This run has no adapters to measure.",
  },
  run: {
    a: "Run A",
    b: "Run B",
    only: "The answer",
    untitled: "A run of your own",
    plot: "Entropy over the updates",
    norms: "How far the matrices have moved",
    at: (count: number): string => (count === 0 ? "Before any update: " : `After ${updates(count)}: `),
    ended: (last: number): string => `. This run has only ${updates(last)}.`,
    views: (count: number): string => (count === 1 ? "1 view" : `${count} views`),
    recorded: "Recorded with Pocket CLIP, which ships with this page. Nothing was computed here yet.",
    computed: (device: string): string => `Computed in this browser, on the ${device === "cpu" ? "CPU" : "GPU"}.`,
    opened: "From a file that you opened.",
    noPicture: "The picture isn’t in the link. Choose it below to see the crops.",
    waiting: "This run isn’t recorded. It is computed in this browser as soon as the model is there.",
    press: "This run isn’t recorded. Press “Run it here” to compute it in this browser.",
    done: (which: string, count: number): string => `${which}: ${updates(count)} done. Step through them above.`,
    cancelled: "Cancelled.",
    failed: "The run stopped. What was shown before is still here.",
    modelFromLink: (title: string): string => `The link asks for the model ${title}. It is loaded when you press “Run it here”: from this browser’s storage, or else from its hub.`,
  },
  lessons: { shown: (title: string): string => `“${title}” is shown now.` },
  compare: {
    run: "Run B next to it",
    remove: "Remove run B",
    first: "Run A first: then B can look at the same views.",
    same: "Change at least one of them: as they are, B would be A.",
    differs: (name: string, b: string, a: string): string => `${name} ${b} instead of ${a}`,
    title: "B differs in: {differences}. Both have the same {views} views.",
    sameAnswer: "At this point both say {a}: A with {aShare}, B with {bShare}.",
    otherAnswer: "At this point A says {a} ({aShare}), and B says {b} ({bShare}).",
    entropy: "The mean entropy of the views is {aEntropy} nats in A and {bEntropy} in B.",
    norms: "The adapters’ matrices have moved by {aNorm} in A and by {bNorm} in B, all taken together.",
  },
  exports: {
    title: "Take it with you",
    group: "Files of this run",
    buttons: {
      plot: "Plot (PNG)",
      episode: "Run (JSON)",
      "adapter-weights": "adapter_model.safetensors",
      "adapter-config": "adapter_config.json",
    },
    adapterNote: "The two adapter files belong in one folder; PEFT loads them from there, for the same base model.",
    noAdapter: "The adapter can be saved once the run has been computed here. A recorded run has only its numbers.",
    plotTitle: (run: string, picture: string): string => `${run}: ${picture}`,
    plotFailed: "The browser could not turn the plot into a picture.",
  },
  adapter: {
    answer: "Through the adapter the centre crop is taken for ",
    twoFiles: "Choose the two files together: adapter_model.safetensors and adapter_config.json.",
    tooLarge: "These files are too large to be an adapter of a model that this page can load.",
    unreadable: "The files could not be read. Choose them again.",
    loading: "Looking through the adapter …",
  },
  open: {
    failed: (name: string, reason: string): string => `“${name}” is not a recorded run: ${reason}.`,
    tooLarge: (name: string): string => `“${name}” is too large to be a recorded run.`,
  },
  samples: {
    ownCaption: (name: string, width: number, height: number): string => `${name}, ${width} × ${height} pixels. Not in the link.`,
    missing: "Choose a picture first.",
    chosen: (name: string): string => `${name} is chosen. Look at the labels, then press “Run it here”.`,
    unknown: (name: string): string => `There is no sample picture “${name}”.`,
    failed: "The picture could not be loaded. Check the connection and try again.",
  },
  harm: { before: "See it happen: ", after: " It is recorded, and its link computes the same again." },
  beginning: {
    answer: "The centre crop, which answers, is taken for {first} ({firstShare}), then for {second} ({secondShare}). How undecided that is: {entropy} nats, of at most {most}.",
    voteAgrees: "Of all the weight, {share} lies on views that are taken for {label}, as the centre crop is. That is what the next update listens to most.",
    voteDiffers: "Of all the weight, {share} lies on views that are taken for {label}, not for the centre crop’s answer. That is what the next update listens to most.",
    noTruth: "Nobody tells the model which label is right. An update only makes views surer of what they are taken for, the heavier ones first.",
  },
  extremes: {
    surest:
      "{view} is the surest ({place}): it is taken for {label} with {share}. Its entropy is {entropy}, so the next update gives it the weight e^({margin} − {entropy}) = {weight}, {times} times the mean.",
    surestAtEnd: "{view} is the surest now ({place}): it is taken for {label} with {share}, at an entropy of {entropy}. A further update would give it the weight {weight}, {times} times the mean.",
    unsurest: "{view} is the least sure: at an entropy of {entropy} its weight is {weight}. {other} counts {times} times as much.",
  },
  change: {
    meanFell: "Update {update} lowered the mean entropy of the views from {before} to {after} nats: on the whole they are less undecided.",
    meanRose: "After update {update} the mean entropy of the views is higher, {after} nats instead of {before}: on the whole they are more undecided.",
    meanStayed: "Update {update} hardly moved the mean entropy of the views: {before} nats before, {after} after.",
    answerStayed: "The centre crop is still taken for {first}: {before} before this update, {after} after it.",
    answerMoved: "The answer moved from {first} ({before}) to {second} ({after}, {secondBefore} before this update).",
    movedWithWeight: "Views that were taken for {second} had {share} of the weight, more than those for any other label.",
    movedAgainstWeight: "Views that were taken for {second} had only {share} of the weight: all views share the same adapters, so what makes some surer moves others as well, and not always the same way.",
    viewMoved: "{view} changed most: its entropy went from {before} to {after}. It is still taken for {to}.",
    viewChanged: "{view} changed most: its entropy went from {before} to {after}, and it is now taken for {to} instead of {from}.",
    viewsChanged: (changed: number, count: number): string =>
      changed === 0
        ? `None of the ${count} views is taken for another label than before this update.`
        : `${changed} of the ${count} views ${changed === 1 ? "is" : "are"} taken for another label than before this update.`,
    lossRose: "The loss rose from {before} to {after} although the entropies fell: as views grow surer they weigh more, and the loss counts entropy times weight.",
    largestNorm: "Of all matrices the {projection} projection of block {block} has moved most so far: by {norm}.",
    inAllSurer: "In all, {updates} brought the entropy of the answer from {before} to {after} nats. That says how sure the model is, not whether it is right.",
    inAllLessSure: "In all, after {updates} the entropy of the answer is {after} nats, not less than the {before} at the beginning: an update lowers what the views add up to, not each answer.",
  },
  verdicts: {
    corrected: "The right answer is {right}: wrong at first ({before}), right now ({after}). Adapting has helped here.",
    lost: "The right answer is {right}: right at first ({before}), and now lost to {wrong} ({after}). Adapting has made it worse.",
    strengthened: "The right answer is {right}, and it is still the model’s: {before} at first, {after} now.",
    weakened: "The right answer is {right}, and it is still the model’s, but with a lower probability than at first: {before}, now {after}.",
    "surer-of-a-wrong-one": "The right answer is {right} ({before} at first, {after} now). The model is wrong, and surer of it than before: it says {wrong}.",
    "less-sure-of-a-wrong-one": "The right answer is {right} ({before} at first, {after} now). The model is still wrong, with less certainty: it says {wrong}.",
  } as Readonly<Record<Verdict, string>>,
};
