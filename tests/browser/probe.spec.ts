import { openBare } from "./bare.js";
import { test } from "./test.js";
for (const unroute of [false, true])
test("probe " + unroute, async ({ page }) => {
  test.setTimeout(600_000);
  page.on("request", (r) => console.log("req", r.url()));
  page.on("requestfinished", (r) => console.log("fin", r.url()));
  page.on("requestfailed", (r) => console.log("fail", r.url(), r.failure()));
  page.on("console", (r) => console.log("con", r.text()));
  page.on("worker", (w) => console.log("worker", w.url()));
  await openBare(page);
  if (unroute) await page.unrouteAll();
  let last = "";
  await page.exposeFunction("say", (s: string) => { console.log(Date.now() % 1e6, s); });
  console.log(await page.evaluate(async () => {
    const t0 = performance.now();
    const ac = new AbortController();
    setTimeout(() => ac.abort(), 40000);
    try {
    let n = 0;
    window.clip = await window.clipTtl.ClipTtl.load({ device: "cpu", signal: ac.signal, onProgress: (p) => { if (n++ % 50 === 0 || p.stage != "download") (window as any).say(JSON.stringify(p)); } });
    } catch (e) { return String(e) + (performance.now() - t0); }
    return "ok " + (performance.now() - t0);
  }));
});
