/** The documentation's data against the code, as far as no browser is needed; parts and slots are compared in the browser's tests. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as element from "../src/element/index.js";
import { HIDEABLE } from "../src/widget/attributes.js";
import { LABEL_PRESETS } from "../src/widget/presets.js";
import { ReflectedElement } from "../src/widget/reflected-element.js";
import { widgetCss } from "../src/widget/widget.css.js";

const { ClipTtlElement, ELEMENT_API } = element;

function members(prototype: object): Map<string, PropertyDescriptor> {
  return new Map(Object.entries(Object.getOwnPropertyDescriptors(prototype)));
}

test("on a server the module can be imported, and defines nothing", () => {
  assert.equal(typeof ClipTtlElement, "function");
  assert.equal("customElements" in globalThis, false);
});

test("the documented attributes are those that are heeded", () => {
  assert.deepEqual(ELEMENT_API.attributes.map(({ name }) => name).sort(), [...ClipTtlElement.observedAttributes].sort());
});

test("each attribute has its property, which can be read and set", () => {
  const reflected = members(ReflectedElement.prototype);
  for (const { name, property } of ELEMENT_API.attributes) {
    // Every element has this one.
    if (name === "lang") continue;
    const descriptor = reflected.get(property);
    assert.equal(typeof descriptor?.get, "function", property);
    assert.equal(typeof descriptor?.set, "function", property);
  }
  assert.equal(reflected.size - 1, ELEMENT_API.attributes.length - 1);
});

test("the documented properties and methods are the class's public members", () => {
  const own = members(ClipTtlElement.prototype);
  const lifecycle = /^(constructor|(connected|disconnected|connectedMove|adopted|attributeChanged)(Callback)?)$/;
  const published = [...own.keys()].filter((name) => !lifecycle.test(name) && !name.endsWith("Callback"));
  const documented = [...ELEMENT_API.properties.map(({ name }) => name), ...ELEMENT_API.methods.map(({ name }) => name)];
  assert.deepEqual(published.sort(), documented.sort());
  for (const { name, isReadOnly } of ELEMENT_API.properties) assert.equal(own.get(name)?.set === undefined, isReadOnly, name);
});

test("hide and labels name all their words", () => {
  const description = (name: string): string => ELEMENT_API.attributes.find((attribute) => attribute.name === name)?.description ?? "";
  for (const part of HIDEABLE) assert.match(description("hide"), new RegExp(`\\b${part}\\b`));
  for (const preset of Object.keys(LABEL_PRESETS)) assert.match(description("labels"), new RegExp(`\\b${preset}\\b`));
});

test("the documented custom properties are those that the style sheet asks for", () => {
  const asked = new Set([...widgetCss.matchAll(/var\((--clip-ttl-[\w-]+)/g)].map((match) => match[1]));
  // Read by script: the text's size is measured where the page doesn't set it.
  asked.add("--clip-ttl-font-size");
  assert.deepEqual(ELEMENT_API.customProperties.map(({ name }) => name).sort(), [...asked].sort());
});

test("every entry says in a sentence what it is", () => {
  const { attributes, properties, methods, events, slots, parts, customProperties } = ELEMENT_API;
  for (const entries of [attributes, properties, methods, events, slots, parts, customProperties]) {
    for (const { name, description } of entries) assert.match(description, /^[A-Z].+\.$/, name);
    const names = entries.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
  }
});
