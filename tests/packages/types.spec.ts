/** The package's types, as compilers find them. */

import { spawnSync } from "node:child_process";
import { copyFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";

import { expect, test } from "../browser/playwright.js";

import { built } from "./built.js";

/** The one that the package itself is built with. */
const compiler = join(dirname(fileURLToPath(import.meta.url)), "../../web/node_modules/typescript/bin/tsc");

for (const [module, moduleResolution] of [
  ["ESNext", "Bundler"],
  ["NodeNext", "NodeNext"],
] as const) {
  test(`a program compiles against the package with module resolution ${moduleResolution}`, async () => {
    const project = built("vite");
    const here = dirname(fileURLToPath(import.meta.url));
    await copyFile(join(here, "types/consumer.ts"), join(project, "consumer.ts"));
    const settings = {
      compilerOptions: {
        target: "ES2022",
        lib: ["ES2023", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
        module,
        moduleResolution,
        types: [],
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        noUncheckedSideEffectImports: true,
        // The package's declarations are checked too.
        skipLibCheck: false,
        noEmit: true,
      },
      files: ["consumer.ts"],
    };
    await writeFile(join(project, "tsconfig.json"), JSON.stringify(settings));
    const { stdout, status } = spawnSync(execPath, [compiler, "--project", project], { encoding: "utf8" });
    expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
  });
}
