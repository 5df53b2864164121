/** Which Firefox the tests run in, and how it is started. */

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { env } from "node:process";

import { launch, type Browser } from "puppeteer-core";

/** Names under which Firefox is installed. */
const NAMES = ["firefox-esr", "firefox"];

/**
 * The variable `FIREFOX`, else what is on the search path.
 *
 * @throws Error where there is none: a test that can't run must not pass
 */
function firefoxPath(): string {
  const folders = (env["PATH"] ?? "").split(delimiter);
  const found = env["FIREFOX"] ?? NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
  if (found === undefined) throw new Error("There is no Firefox: install it (on Debian, firefox-esr), or name it by the variable FIREFOX");
  return found;
}

/** Starts Firefox with a profile of its own, without traffic of its own. */
export function startFirefox(): Promise<Browser> {
  return launch({
    browser: "firefox",
    executablePath: firefoxPath(),
    headless: true,
    extraPrefsFirefox: {
      "app.update.enabled": false,
      "browser.safebrowsing.malware.enabled": false,
      "browser.safebrowsing.phishing.enabled": false,
      "datareporting.policy.dataSubmissionEnabled": false,
      "network.captive-portal-service.enabled": false,
      "network.connectivity-service.enabled": false,
    },
  });
}
