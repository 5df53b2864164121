import assert from "node:assert/strict";
import { test } from "node:test";

import { EMPTY_LINK, formatPageLink, isEmptyLink, OWN_PICTURE, readPageLink, type PageLink, type ReadLink } from "../../www/src/link.js";
import { isSameRun, linkTo, otherSpec, specOf, valuesOf, type RunSpec } from "../../www/src/lesson/spec.js";

const without = ({ notes: _notes, ...link }: ReadLink): PageLink => link;

test("what is written is read again, labels with commas, backslashes, markup and other scripts among it", () => {
  const link: PageLink = {
    picture: "horses.jpg",
    labels: ["cow, black", "back\\slash", "a&b=c#d", "<b>bold</b>", "قطة", "50 % of it", "+1"],
    template: "a photo of a {}, please.",
    settings: { steps: 5, learningRate: 1e-5, rank: 16, seed: 4_294_967_295, margin: 0 },
    state: 2,
    other: { rank: 4, learningRate: 0.012 },
  };
  const read = readPageLink(`#${formatPageLink(link)}`);
  assert.deepEqual(read.notes, []);
  assert.deepEqual(without(read), link);
});

test("a link is readable where it can be", () => {
  const link: PageLink = { ...EMPTY_LINK, picture: "horses.jpg", labels: ["cow", "teddy bear"], template: "a {}", settings: { steps: 5, seed: 3 }, state: 2, other: { rank: 4 } };
  assert.equal(formatPageLink(link), "picture=horses.jpg&labels=cow,teddy+bear&template=a+{}&steps=5&seed=3&state=2&b.rank=4");
});

test("an anchor says nothing and is no mistake", () => {
  for (const hash of ["", "#", "#how", "#picture"]) {
    const link = readPageLink(hash);
    assert.ok(isEmptyLink(link), hash);
    assert.deepEqual(link.notes, [], hash);
  }
});

test("what can't be done is left out with a note, and the rest stays", () => {
  const wrong = [
    "steps=0",
    "steps=51",
    "steps=1e9",
    "steps=2.5",
    "steps=-1",
    "steps=NaN",
    "steps=",
    "rank=0x10",
    "learningRate=Infinity",
    "seed=4294967296",
    "seed=1e400",
    "state=-1",
    "state=99999",
    "state=x",
    "b.seed=1",
    "b.views=8",
    "b.rank=1000",
    "device=webgpu",
    "__proto__=1",
    "constructor=1",
    "b.__proto__=1",
    "labels=",
    "labels=,,,",
    "template=nothing",
    `template=${"x".repeat(400)}{}`,
    `labels=${"x".repeat(400)}`,
    `labels=${Array.from({ length: 1001 }, (_, at) => at).join(",")}`,
    "picture=../../etc/passwd",
    "picture=https://elsewhere.example/a.png",
    "picture=//elsewhere.example/a.png",
    "picture=javascript:alert(1)",
    "picture=.hidden",
  ];
  for (const entry of wrong) {
    const link = readPageLink(`#${entry}&margin=0.7`);
    assert.deepEqual(without(link), { ...EMPTY_LINK, settings: { margin: 0.7 } }, entry);
    assert.equal(link.notes.length, 1, entry);
    assert.ok((link.notes[0] ?? "").length < 250, "what a stranger wrote is cut short in notes");
  }
});

test("of a key that is there twice the first counts, and broken escapes harm nothing", () => {
  assert.deepEqual(readPageLink("#steps=2&steps=3").settings, { steps: 2 });
  assert.deepEqual(readPageLink("#labels=%E0%A4%A,b&steps=%").labels?.length, 2);
});

test("a link of absurd length is not read", () => {
  const link = readPageLink(`#labels=${"a,".repeat(20_000)}`);
  assert.ok(isEmptyLink(link));
  assert.equal(link.notes.length, 1);
});

test("labels are one line each, without control characters", () => {
  assert.deepEqual(readPageLink(`#labels=${encodeURIComponent("a\nb,  c\u0000 ,\u2028,d")}`).labels, ["a b", "c", "d"]);
});

test("a run and its link are the same run; another seed, label or setting is another", () => {
  const spec: RunSpec = { picture: OWN_PICTURE, labels: ["a", "b"], template: "a photo of a {}.", values: valuesOf({ steps: 4 }) };
  const back = specOf(readPageLink(formatPageLink(linkTo(spec))));
  assert.ok(back !== null && isSameRun(spec, back));
  assert.ok(formatPageLink(linkTo(spec)).includes("seed=0"), "the seed is said even where it is the default");
  assert.ok(!isSameRun(spec, otherSpec(spec, { rank: 4 })));
  assert.ok(!isSameRun(spec, { ...spec, labels: ["b", "a"] }));
  assert.ok(!isSameRun(spec, { ...spec, template: "{}" }));
  assert.equal(specOf(readPageLink("#steps=3")), null);
});
