/** The lines that the documentation shows are those that the built pages have. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { EMBEDS, HERE, parts, snippets } from "./embeds.js";
import { expect, test } from "./test.js";

for (const { name, page, settings } of EMBEDS) {
  test(`${name}: the page has the documented lines`, ({ built }) => {
    const html = readFileSync(join(built.pages, name, page), "utf8");
    const files = snippets(name);
    expect(Object.keys(files)).not.toEqual([]);
    for (const [file, text] of Object.entries(files)) {
      const isPage = /\.(html|md)$/.test(file);
      const place = isPage ? html : readFileSync(join(HERE, name, settings ?? ""), "utf8");
      expect(parts(text)).not.toEqual([]);
      for (const part of parts(text)) expect(place, file).toContain(part);
    }
  });
}

test("they name the version that this package has", ({ built }) => {
  const texts = [...EMBEDS.flatMap(({ name }) => Object.values(snippets(name))), readFileSync(join(HERE, "csp/policy-cdn.txt"), "utf8")];
  const versions = texts.flatMap((text) => [...text.matchAll(/clip-ttl@([^/]+)\//g)].map(([, version]) => version));
  expect(versions.length).toBeGreaterThan(4);
  expect([...new Set(versions)]).toEqual([built.version]);
});
