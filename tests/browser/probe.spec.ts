import { openBare, load } from "./bare.js";
import { test } from "./test.js";
test("probe", async ({ page }) => {
  test.setTimeout(600_000);
  let t = Date.now(); const lap = (n: string) => { console.log(n, Date.now() - t); t = Date.now(); };
  await openBare(page); lap("open");
  await load(page); lap("load");
  for (let i = 0; i < 2; i++) {
  const r = await page.evaluate(async () => {
    const labels = ["cat", "dog", "bird", "horse", "fish", "frog", "rabbit", "bear", "insect", "snake"];
    const c0 = performance.now();
    const c = await window.clip.classify("./samples/chelsea.png", labels);
    const c1 = performance.now();
    const s: string[] = [];
    const run = window.clip.adapt("./samples/chelsea.png", labels, { onProgress: (p) => { s.push(JSON.stringify(p)+Math.round(performance.now()-c1)); } });
    const r = await run.result;
    return { cl: c1 - c0, c, timing: r.timingMs, s, keys: Object.keys(r), wall: performance.now() - c1, after: r.after };
  });
  lap("run"); console.log(JSON.stringify(r));
  }
});
