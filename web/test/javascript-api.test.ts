import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import * as clipTtl from "../src/index.js";
import { JAVASCRIPT_API } from "../src/javascript-api.js";

const names = (entries: readonly { readonly name: string }[]): string[] => entries.map(({ name }) => name).sort();

test("the documentation names every export, and none that isn't there", () => {
  assert.deepEqual(names(JAVASCRIPT_API.exports), Object.keys(clipTtl).sort());
});

test("the documentation names every member of ClipTtl", async () => {
  // Fields are the instance's own, and an instance needs a worker: they are read from the source.
  const source = await readFile(join(process.cwd(), "src/engine.ts"), "utf8");
  const fields = [...source.matchAll(/^ {2}readonly ([a-z]\w*):/gm)].map((match) => String(match[1]));
  const methods = Object.getOwnPropertyNames(clipTtl.ClipTtl.prototype).filter((name) => !["constructor", "breakForTests", "closed"].includes(name));
  assert.deepEqual(names(JAVASCRIPT_API.members), [...fields, ...methods].sort());
  const own = Object.getOwnPropertyNames(clipTtl.ClipTtl).filter((name) => !["length", "name", "prototype"].includes(name));
  assert.deepEqual(names(JAVASCRIPT_API.static), own);
});

test("every load option of the documentation is one, and none is missing", async () => {
  const source = await readFile(join(process.cwd(), "src/load-types.ts"), "utf8");
  const options = /export interface LoadOptions \{([\s\S]*?)\n\}/.exec(source)?.[1] ?? "";
  const inCode = [...options.matchAll(/^ {2}readonly (\w+)\?:/gm)].map((match) => String(match[1])).sort();
  const described = /Options: (.+)\./.exec(JAVASCRIPT_API.static[0]?.description ?? "")?.[1]?.split(", ").sort();
  assert.deepEqual(described, inCode);
});
