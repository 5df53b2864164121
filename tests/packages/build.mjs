/**
 * Installs the packed package where people do: `node build.mjs --package FILE.tgz --out DIR`.
 *
 * Makes, from scratch, DIR/vite and DIR/webpack (an application each, built for production), DIR/plain (pages without a build step) and
 * DIR/package (what is in the tarball). Nothing is taken from the repository but these projects and a picture.
 */

import { spawnSync } from "node:child_process";
import { cp, mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({ options: { package: { type: "string" }, out: { type: "string" } } });
if (values.package === undefined || values.out === undefined) {
  console.error("usage: node build.mjs --package FILE.tgz --out DIR");
  process.exit(2);
}
const [tarball, out] = [resolve(values.package), resolve(values.out)];

await rm(out, { recursive: true, force: true });
await mkdir(join(out, "package"), { recursive: true });
run("tar", ["-xzf", tarball, "-C", join(out, "package"), "--strip-components=1"], out);

await cp(join(here, "plain"), join(out, "plain"), { recursive: true });
await copyApp(join(out, "plain"));

for (const name of ["vite", "webpack"]) {
  const project = join(out, name);
  console.log(`\nAn application with ${name}`);
  await cp(join(here, name), project, { recursive: true });
  await copyApp(join(project, "src"));
  const before = await readFile(join(project, "package-lock.json"), "utf8");
  npm(["ci"], project);
  // What its own lock file says about the package would change with every build; all else stays as locked.
  npm(["install", "--no-save", tarball], project);
  if ((await readFile(join(project, "package-lock.json"), "utf8")) !== before) throw new Error(`installing the package changed the lock file of ${name}`);
  npm(["run", "build"], project);
}

async function copyApp(folder) {
  await cp(join(here, "app"), folder, { recursive: true });
  await cp(join(here, "../../www/samples/kitten.webp"), join(folder, "kitten.webp"));
}

function npm(arguments_, folder) {
  run(process.platform === "win32" ? "npm.cmd" : "npm", [...arguments_, "--no-audit", "--no-fund"], folder);
}

function run(program, arguments_, folder) {
  const { status, error } = spawnSync(program, arguments_, { cwd: folder, stdio: "inherit", shell: program.endsWith(".cmd") });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${arguments_.join(" ")} failed`);
}
