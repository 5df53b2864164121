/** Records the ready lessons anew: `npx playwright test --config record/playwright.config.ts`. No part of the tests. */

import config from "../playwright.config.js";

export default { ...config, testDir: ".", testMatch: "*.record.ts", timeout: 600_000 };
