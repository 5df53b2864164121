/** The demo stays still and answers while it works: nothing jumps when results arrive, and nothing waits for the engine to be painted. */

import { Demo } from "./demo.js";
import { forgetShifts, shiftsOf, watchShifts } from "./shifts.js";
import { expect, test } from "./test.js";

for (const [name, width, height] of [
  ["phone", 390, 844],
  ["desktop", 1280, 900],
] as const) {
  test(`nothing jumps when results arrive: ${name}`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ reducedMotion: "reduce" });
    await watchShifts(page);
    const demo = new Demo(page);
    await demo.openReady();
    expect(await shiftsOf(page), "from the first paint to the first answer").toEqual([]);
    await demo.set("Views", 4);
    await page.locator("#settings").evaluate((details) => details.removeAttribute("open"));
    for (const place of ["#run", "#plot", "#strip"]) {
      await page.locator(place).evaluate((element) => element.scrollIntoView({ block: "center", behavior: "instant" }));
      await forgetShifts(page);
      // Not pressed with the mouse, which would scroll to it.
      await demo.runButton.dispatchEvent("click");
      await demo.done();
      expect(await shiftsOf(page), `while a run goes on and ends, looking at ${place}`).toEqual([]);
    }
  });
}
