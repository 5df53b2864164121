/** The adapter of a run: out as PEFT's two files, in again with the same answer, and clear errors for anything else. */

import { load, openBare } from "./bare.js";
import { hold } from "./hold.js";
import { Lesson, type TestFile } from "./lesson-page.js";
import { WATCH } from "./lesson-runs.js";
import { expect, test } from "./test.js";

const LABELS = ["sheep", "horse", "cow"];
const OPTIONS = { steps: 2, views: 4, seed: 3, rank: 4 };

interface Tensor {
  readonly dtype: string;
  readonly shape: number[];
}

/** The tensors that a .safetensors file's header describes. */
function tensorsOf(file: Uint8Array): Map<string, Tensor> {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<string, Tensor>;
  return new Map(Object.entries(header).filter(([name]) => name !== "__metadata__"));
}

test("a run's adapter is PEFT's, gives the run's answer again, and is gone after the next run", async ({ page }) => {
  await openBare(page);
  await load(page);
  const found = await page.evaluate(
    async ({ labels, options }) => {
      const codeOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => "no error", (error: unknown) => Reflect.get(error as object, "code"));
      const picture = "./samples/horses.jpg";
      const run = window.clip.adapt(picture, labels, options);
      const adapter = await run.adapter();
      const report = await run.result;
      const again = await window.clip.classify(picture, labels, { adapter });
      const plain = await window.clip.classify(picture, labels);
      const changed = { ...adapter, weights: adapter.weights.slice(0, adapter.weights.length - 4) };
      const otherConfig = { ...adapter, config: adapter.config.replace(/"r": \d+/, '"r": 3') };
      const errors = {
        truncated: await codeOf(window.clip.classify(picture, labels, { adapter: changed })),
        noConfig: await codeOf(window.clip.classify(picture, labels, { adapter: { ...adapter, config: "{" } })),
        otherRank: await codeOf(window.clip.classify(picture, labels, { adapter: otherConfig })),
        noBytes: await codeOf(window.clip.classify(picture, labels, { adapter: { ...adapter, weights: new Uint8Array() } })),
        noFiles: await codeOf(window.clip.classify(picture, labels, { adapter: "adapter" as never })),
      };
      const stillPlain = await window.clip.classify(picture, labels);
      const refused = await codeOf(window.clip.adapt(picture, ["sheep"], options).result);
      const isKept = (await run.adapter()).weights.length === adapter.weights.length;
      await window.clip.adapt(picture, labels, { ...options, seed: 4 }).result;
      const gone = await codeOf(run.adapter());
      const missing = await codeOf(window.clip.adapt(picture, labels, { method: "zero", views: 4 }).adapter());
      const cancelled = window.clip.adapt(picture, labels, options);
      cancelled.cancel();
      return { weights: [...adapter.weights], config: adapter.config, report, again, plain, stillPlain, errors, refused, isKept, gone, missing, cancelled: await codeOf(cancelled.adapter()) };
    },
    { labels: LABELS, options: OPTIONS },
  );
  const scores = (list: readonly { label: string; score: number }[]): Map<string, number> => new Map(list.map(({ label, score }) => [label, score]));
  for (const { label, probability } of found.report.after) expect(scores(found.again).get(label), `${label} with the adapter`).toBeCloseTo(probability, 4);
  for (const { label, probability } of found.report.before) expect(scores(found.plain).get(label), `${label} without`).toBeCloseTo(probability, 4);
  expect(found.stillPlain, "an adapter stays for one answer only").toEqual(found.plain);
  expect(found.errors).toEqual({ truncated: "adapter-invalid", noConfig: "adapter-invalid", otherRank: "adapter-invalid", noBytes: "adapter-invalid", noFiles: "argument-invalid" });
  expect([found.refused, found.isKept], "a run that never began leaves it there").toEqual(["labels-too-few", true]);
  expect(found.gone).toBe("adapter-gone");
  expect(found.missing, "a method that trains none").toBe("adapter-missing");
  expect(found.cancelled).toBe("cancelled");

  const config = JSON.parse(found.config) as { peft_type: string; r: number; lora_alpha: number; target_modules: string[] };
  expect(config).toMatchObject({ peft_type: "LORA", r: 4, lora_alpha: 32 });
  const tensors = tensorsOf(Uint8Array.from(found.weights));
  expect(tensors.size, "A and B of two projections in three blocks").toBe(12);
  for (const [name, { shape }] of tensors) {
    expect(name).toMatch(/^base_model\.model\..*(q_proj|v_proj)\.lora_[AB]\.weight$/);
    expect(shape[name.includes("lora_A") ? 0 : 1], name).toBe(4);
  }
});

test("the lesson gives a run's adapter away, looks through it again, and refuses other files", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const lesson = new Lesson(page);
  await lesson.open(`picture=horses.jpg&labels=${LABELS.join(",")}&steps=2&views=4&rank=4&seed=3`);
  await lesson.done();
  await page.locator("body").press("End");
  const adapted = new Map((await lesson.bars()).map(([label, , after]) => [label, after]));
  const weights = await lesson.save("adapter_model.safetensors");
  const config = await lesson.save("adapter_config.json");
  const files = (entries: readonly (readonly [name: string, buffer: Buffer])[]): TestFile[] =>
    entries.map(([name, buffer]) => ({ name, mimeType: "application/octet-stream", buffer }));
  const choose = page.locator("#adapter-files");

  await choose.setInputFiles(files([["adapter_model.safetensors", weights], ["adapter_config.json", config]]));
  await expect(page.locator("#adapter-answer")).toContainText("Through the adapter");
  const rows = await page.locator("#adapter-bars tbody tr").evaluateAll((found) => found.map((row) => [row.querySelector("th")?.textContent ?? "", row.querySelectorAll("td")[1]?.textContent ?? ""] as const));
  expect(new Map(rows)).toEqual(adapted);
  await expect(lesson.announcer).toHaveText(/^Through the adapter the centre crop is taken for (sheep|horse|cow) \(/);

  await page.getByRole("button", { name: "Remove the adapter" }).click();
  await expect(page.locator("#adapter-answer")).toBeHidden();
  await page.locator("h1").scrollIntoViewIfNeeded();
  await lesson.dropAll(files([["adapter_config.json", config], ["adapter_model.safetensors", weights]]));
  await expect(page.locator("#adapter-answer"), "dropped anywhere").toContainText("Through the adapter");
  await expect(page.locator("#adapter-answer")).toBeInViewport();

  await choose.setInputFiles(files([["adapter_model.safetensors", weights]]));
  await expect(page.locator("#adapter-problem")).toContainText("Choose the two files together");
  await expect(page.locator("#adapter-answer")).toBeHidden();
  await choose.setInputFiles(files([["adapter_model.safetensors", weights.subarray(0, 100)], ["adapter_config.json", config]]));
  await expect(page.locator("#adapter-problem")).toContainText("adapter_model.safetensors and adapter_config.json of one LoRA adapter");
  await expect(page.getByRole("button", { name: "Run it here" }), "a wrong file stops nothing").toHaveAttribute("aria-disabled", "false");

  await lesson.open();
  await expect(page.getByRole("button", { name: "adapter_config.json" }), "a recorded run has no adapter").toHaveAttribute("aria-disabled", "true");
});

test("an adapter that could not be looked through is no problem of the run that is on stage by then", async ({ page, watch }) => {
  watch.allowError(/503|Failed to load resource/);
  const release = await hold(page, "**/clip_ttl_cpu_bg.wasm", { status: 503 });
  const lesson = new Lesson(page);
  await lesson.open(`${WATCH}&state=0`);
  await page.locator("#adapter-files").setInputFiles([
    { name: "adapter_model.safetensors", mimeType: "application/octet-stream", buffer: Buffer.from("weights") },
    { name: "adapter_config.json", mimeType: "application/json", buffer: Buffer.from("{}") },
  ]);
  await expect(lesson.device).toHaveText("Loading …");
  await page.getByRole("link", { name: "The margin", exact: true }).click();
  await expect(lesson.title).toHaveText("The margin");
  release();
  await expect(lesson.device).toBeEmpty();
  await expect(page.locator("#adapter-problem")).toBeHidden();
});
