/** Episodes that PyTorch recorded, replayed by the wasm in the browser: the numbers of the native tests, on both devices. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Page } from "@playwright/test";

import { openBare } from "./bare.js";
import { expect, expectWebGpuAdapter, test } from "./test.js";

interface Quantity {
  readonly name: string;
  readonly largestError: number;
  readonly at: string;
  readonly tolerance: number;
  readonly passed: boolean;
}

interface Verification {
  readonly device: string;
  readonly passed: boolean;
  readonly quantities: readonly Quantity[];
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TINY_QUICK_GELU = "tests/fixtures/tiny-quick-gelu";
const TINY_GELU = "tests/fixtures/tiny-gelu";

/** Model, episode, and how many kinds of quantities it holds. */
const TINY: readonly (readonly [string, string, number])[] = [
  [TINY_QUICK_GELU, "tests/fixtures/ttl-default.safetensors", 15],
  [TINY_QUICK_GELU, "tests/fixtures/ttl-rank4-2layers-qkv.safetensors", 15],
  [TINY_GELU, "tests/fixtures/ttl-gelu.safetensors", 15],
  [TINY_QUICK_GELU, "tests/fixtures/tpt-default.safetensors", 7],
];
const POCKET = ["models/pocket", "tests/fixtures/ttl-pocket-chelsea.safetensors", 15] as const;

/** Loads a model into the wasm module itself, without the worker, and replays an episode. */
async function replay(page: Page, device: "cpu" | "webgpu", model: string, episode: string): Promise<Verification> {
  await page.route("**/repository/**", (route) => {
    const path = new URL(route.request().url()).pathname.split("/repository/")[1] ?? "";
    return route.fulfill({ body: readFileSync(`${ROOT}${path}`), contentType: "application/octet-stream" });
  });
  await openBare(page);
  return page.evaluate(
    async ([device, model, episode]) => {
      const bytes = async (path: string): Promise<Uint8Array> =>
        new Uint8Array(await (await fetch(`./repository/${path}`)).arrayBuffer());
      const module = (await import(new URL("./clip-ttl/clip_ttl.js", location.href).href)) as {
        default: (options: { module_or_path: URL }) => Promise<unknown>;
        Engine: {
          open(device: string): Promise<{
            load(name: string, config: string, preprocessor: string | undefined, weights: Uint8Array): unknown;
            verify(episode: Uint8Array): Promise<Verification>;
          }>;
        };
      };
      await module.default({ module_or_path: new URL("./clip-ttl/clip_ttl_bg.wasm", location.href) });
      const engine = await module.Engine.open(device);
      const config = new TextDecoder().decode(await bytes(`${model}/config.json`));
      await engine.load("recorded", config, undefined, await bytes(`${model}/model.safetensors`));
      return engine.verify(await bytes(episode));
    },
    [device, model, episode] as const,
  );
}

function expectAgreement(verification: Verification, device: string, kinds: number): void {
  const lines = verification.quantities.map((q) => `${q.name} ${q.largestError} of ${q.tolerance} (${q.at})`);
  expect(verification.device).toBe(device);
  expect(verification.quantities.filter((quantity) => !quantity.passed), lines.join("\n")).toEqual([]);
  expect(verification.passed).toBe(true);
  expect(verification.quantities.length, lines.join("\n")).toBe(kinds);
}

for (const [model, episode, kinds] of [...TINY, POCKET]) {
  test(`${episode} agrees on the CPU device`, async ({ page }) => {
    expectAgreement(await replay(page, "cpu", model, episode), "cpu", kinds);
  });
}

for (const [model, episode, kinds] of TINY) {
  test(`${episode} agrees on WebGPU`, async ({ page }) => {
    test.setTimeout(300_000);
    await openBare(page);
    await expectWebGpuAdapter(page);
    expectAgreement(await replay(page, "webgpu", model, episode), "webgpu", kinds);
  });
}
