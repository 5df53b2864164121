/** The browser that everything is measured in. */

import { env } from "node:process";

import { chromium } from "playwright-core";

/** Those of `tests/browser/chromium.ts`: WebGPU, and nothing that is not on this machine. */
const ARGUMENTS = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--disable-gpu-watchdog",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];
const SOFTWARE = "--use-webgpu-adapter=swiftshader";

/**
 * Chromium with the graphics adapter that this machine has; where it has none, with one that is imitated in software.
 * @param {string} address Of a page on this machine: others have no WebGPU.
 * @returns {Promise<{ browser: import("playwright-core").Browser, means: string }>} `means` says what it computes with.
 */
export async function launchWithWebGpu(address) {
  for (const args of [ARGUMENTS, [...ARGUMENTS, SOFTWARE]]) {
    const browser = await chromium.launch({ executablePath: executable(), args });
    const adapter = await adapterOf(browser, address);
    if (adapter !== null) {
      return { browser, means: `WebGPU on "${adapter}"` };
    }
    await browser.close();
  }
  throw new Error("Chromium has no WebGPU here, not even in software");
}

/** Chromium, for what needs no graphics adapter. */
export function launch() {
  return chromium.launch({ executablePath: executable(), args: [...ARGUMENTS, SOFTWARE] });
}

/** What an error says, without what Playwright puts before the page's own message. */
export function firstLine(error) {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n", 1)[0].replace(/^page\.\w+: (Error: )?/, "");
}

function executable() {
  return env["CHROMIUM"] ?? "/usr/bin/chromium";
}

/** @returns {Promise<string | null>} What the browser says of its adapter; null where it has none. */
async function adapterOf(browser, address) {
  const page = await browser.newPage();
  await page.goto(address);
  const adapter = await page.evaluate(async () => {
    const { info } = (await globalThis.navigator.gpu?.requestAdapter()) ?? {};
    return info === undefined ? null : info.description || `${info.vendor} ${info.architecture}`.trim() || "an adapter without a name";
  });
  await page.close();
  return adapter;
}
