/** Which Chromium the tests run in, and how it is started. */

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { env } from "node:process";

/** Names under which Chromium and Chrome are installed. */
const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/**
 * The variable `CHROMIUM`, else what is on the search path. Nothing means Playwright's own build, which
 * `npx playwright install chromium` downloads.
 */
export function chromiumPath(): string | undefined {
  if (env["CHROMIUM"] !== undefined) {
    return env["CHROMIUM"];
  }
  const folders = (env["PATH"] ?? "").split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

export const CHROMIUM_ARGUMENTS = [
  // Tests run as root in containers too, where the sandbox cannot be set up.
  "--no-sandbox",
  // WebGPU without a GPU: slow, but the same answers. The watchdog would take its long computations for a hang.
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--disable-gpu-watchdog",
  // The browser's own traffic, and every name that is not this machine: what a page asks for elsewhere fails at once.
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];
