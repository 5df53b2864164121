import assert from "node:assert/strict";
import { test } from "node:test";

import { HIDEABLE, labelLines, readChoice, readHide, readLabels, readWhole, writeLabels } from "../src/widget/attributes.js";
import { hiddenParts } from "../src/widget/hidden-parts.js";
import { LABEL_PRESETS } from "../src/widget/presets.js";

test("labels are a list with commas, one a line, a JSON list, or a preset's name", () => {
  assert.deepEqual(readLabels("cat, dog ,  teapot"), ["cat", "dog", "teapot"]);
  assert.deepEqual(readLabels("a red, shiny car\na dog\n\n"), ["a red, shiny car", "a dog"]);
  assert.deepEqual(readLabels('["a, b", "c\\nd"]'), ["a, b", "c\nd"]);
  assert.deepEqual(readLabels("scenes"), LABEL_PRESETS.scenes);
  assert.deepEqual(readLabels("[not json], dog"), ["[not json]", "dog"]);
});

test("empty labels and repetitions are left out of what an author writes", () => {
  assert.deepEqual(readLabels("cat,, cat ,dog,"), ["cat", "dog"]);
  assert.deepEqual(readLabels(null), []);
  assert.deepEqual(readLabels("  "), []);
});

test("whatever labels a script sets come back from the attribute", () => {
  for (const labels of [["cat", "dog"], ["a, b", "c"], ["one\ntwo", "three"], ["animals"], ["[x]", "y"], ['say "hi"', "<b>bold</b>"], []]) {
    assert.deepEqual(readLabels(writeLabels(labels)), labels);
  }
  assert.equal(writeLabels(["cat", "dog"]), "cat, dog");
});

test("typed labels are one a line, and repetitions stay to be pointed out", () => {
  assert.deepEqual(labelLines(" cat \r\n\ncat\n a, b"), ["cat", "cat", "a, b"]);
});

test("a choice is one of its words, else the first of them", () => {
  assert.equal(readChoice(" CPU ", ["auto", "webgpu", "cpu"]), "cpu");
  assert.equal(readChoice("toaster", ["auto", "webgpu", "cpu"]), "auto");
  assert.equal(readChoice(null, ["auto", "cpu"]), "auto");
});

test("a number that makes no sense counts as not there", () => {
  const limits = { min: 1, max: 50 };
  assert.equal(readWhole("7", limits, 1), 7);
  for (const text of [null, "", "seven", "0", "51", "1.5", "-3", "1e1"]) assert.equal(readWhole(text, limits, 1), 1, String(text));
});

test("hide names parts; words that name none are passed over", () => {
  assert.deepEqual(readHide("plot  views, nonsense PICTURE"), ["picture", "plot", "views"]);
  assert.deepEqual(readHide(null), []);
});

test("hide and compact add up, and the settings are there only with controls", () => {
  assert.deepEqual([...hiddenParts({ hide: [], compact: false, controls: true })], []);
  assert.deepEqual([...hiddenParts({ hide: ["bars"], compact: false, controls: false })].sort(), ["bars", "settings"]);
  const compact = hiddenParts({ hide: ["answer"], compact: true, controls: false });
  for (const part of ["plot", "views", "labels", "template", "answer", "settings"] as const) assert.ok(compact.has(part), part);
  for (const part of ["picture", "buttons", "bars", "status"] as const) assert.ok(HIDEABLE.includes(part) && !compact.has(part), part);
});
