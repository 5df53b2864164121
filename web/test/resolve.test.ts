import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { ClipTtlError, type ErrorCode } from "../src/errors.js";
import { parseHubAddress } from "../src/hub/address.js";
import { CATALOGUE } from "../src/hub/catalogue.js";
import { checkDtype, resolveModel } from "../src/hub/resolve.js";
import type { ModelFiles, ModelSource, WeightsChoice } from "../src/load-types.js";
import type { WireFiles, WireRepository } from "../src/protocol.js";

const HUB = "https://huggingface.co";

function files(model: ModelSource | undefined, folder: string | null = null): WireFiles {
  const wire = resolveModel(model, { folder });
  assert.ok(wire.kind === "files");
  return wire;
}

function repository(model: ModelSource, hub?: string): WireRepository {
  const wire = resolveModel(model, { folder: null, hub });
  assert.ok(wire.kind === "repository");
  return wire;
}

function refused(model: unknown, code: ErrorCode, says: RegExp = /./): void {
  const isIt = (error: unknown): boolean => error instanceof ClipTtlError && error.code === code && says.test(error.message);
  assert.throws(() => resolveModel(model as ModelSource, { folder: "https://example.org/" }), isIt, String(model));
}

function file(path: string, text = "x"): File {
  const made = new File([text], path.split("/").at(-1) ?? path);
  if (path.includes("/")) Object.defineProperty(made, "webkitRelativePath", { value: path });
  return made;
}

test("the model that ships is found in the folder that was named, else beside the code, and is left to the browser's cache", () => {
  const named = files("pocket", "https://cdn.example/clip/");
  assert.deepEqual(named.weights, { kind: "url", url: "https://cdn.example/clip/models/pocket/model.safetensors" });
  assert.deepEqual(named.statistics, { kind: "url", url: "https://cdn.example/clip/models/pocket/statistics.safetensors" });
  assert.ok(named.isPackage && !named.isGuess);
  assert.deepEqual(files(" pocket ", "https://cdn.example/clip/"), named);
  const beside = files(undefined);
  assert.equal(beside.name, "pocket");
  assert.ok(beside.weights.kind === "url" && beside.weights.url.endsWith("/models/pocket/model.safetensors"));
  assert.deepEqual([beside.config, beside.preprocessor], [null, null], "they are in the file's metadata");
});

test("the catalogue names repositories with a revision that is a commit, where one is known", () => {
  for (const { id, revision, downloadBytes, parameters, residentBytes } of CATALOGUE) {
    assert.ok(revision === null || /^[0-9a-f]{40}$/.test(revision), id);
    if (id === "pocket") continue;
    assert.ok(residentBytes.q4 < residentBytes.q8 && residentBytes.q8 < residentBytes.f16 && residentBytes.f16 < residentBytes.f32, id);
    assert.ok(Math.abs(downloadBytes - 4 * parameters) < 100_000, `${id}: single precision and a header`);
    assert.equal(repository(id).revision, revision ?? "main");
  }
});

test("the catalogue's sizes of the model that ships are those of its file", async () => {
  const weights = await readFile(join(process.cwd(), "../models/pocket/model.safetensors"));
  const entry = CATALOGUE.find(({ id }) => id === "pocket");
  assert.equal(entry?.downloadBytes, weights.length);
  // All of it is needed, and all of it is kept as it is but the header, whose length stands before it in eight bytes.
  const keptBytes = weights.length - 8 - Number(weights.readBigUInt64LE());
  assert.deepEqual(entry?.residentBytes, { f32: keptBytes, f16: keptBytes, q8: keptBytes, q4: keptBytes });
});

test("a repository is named with or without a revision", () => {
  assert.deepEqual(repository("owner/some-clip_1.0"), {
    ...{ kind: "repository", name: "owner/some-clip_1.0", hub: HUB, repository: "owner/some-clip_1.0" },
    ...{ revision: "main", weightsPath: "model.safetensors" },
  });
  assert.equal(repository("owner/name@refs/pr/3").revision, "refs/pr/3");
  assert.equal(repository(" owner/name@v1.0 ").revision, "v1.0");
  assert.equal(repository("owner/name", "http://127.0.0.1:8000/mirror/").hub, "http://127.0.0.1:8000/mirror");
});

test("addresses of the hub's pages lead to the repository", () => {
  const cases: readonly (readonly [address: string, revision: string, path: string])[] = [
    ["https://huggingface.co/o/n", "main", "model.safetensors"],
    ["https://hf.co/o/n/", "main", "model.safetensors"],
    ["https://huggingface.co/o/n/tree/main", "main", "model.safetensors"],
    ["https://huggingface.co/o/n/blob/main/model.safetensors", "main", "model.safetensors"],
    ["https://huggingface.co/o/n/resolve/v2/sub/other.safetensors?download=true", "v2", "sub/other.safetensors"],
    ["https://huggingface.co/o/n/blob/refs%2Fpr%2F15/model.safetensors", "refs/pr/15", "model.safetensors"],
    ["https://huggingface.co/o/n/tree/refs/pr/15", "refs/pr/15", "model.safetensors"],
    ["https://huggingface.co/o/n/blob/main/sub/config.json", "main", "sub/model.safetensors"],
    ["https://huggingface.co/o/n/discussions/4", "main", "model.safetensors"],
  ];
  for (const [address, revision, path] of cases) {
    for (const form of [address, new URL(address)]) {
      const { repository: name, revision: named, weightsPath } = repository(form);
      assert.deepEqual([name, named, weightsPath], ["o/n", revision, path], address);
    }
  }
  assert.equal(parseHubAddress(new URL("http://mirror.example/hub/o/n"), "http://mirror.example/hub")?.repository, "o/n");
  assert.equal(parseHubAddress(new URL("http://mirror.example/o/n"), "http://mirror.example/hub"), null);
  assert.equal(repository("https://huggingface.co/openai/clip-vit-large-patch14").revision, "32bd64288804d66eefd0ccbe215aa642df71cc41");
  refused("https://huggingface.co/datasets/o/n", "model-unknown");
  refused("https://huggingface.co/o/n/blob/main/pytorch_model.bin", "model-incomplete", /pytorch_model\.bin.*clip-ttl convert/s);
});

test("an address is that of a file or of a folder, with the other files beside it", () => {
  const weights = (model: string): WireFiles => files(model);
  const plain = weights("https://example.org/models/b16.safetensors");
  assert.deepEqual(plain.config, { kind: "url", url: "https://example.org/models/config.json" });
  assert.equal(plain.name, "b16");
  assert.ok(plain.isGuess && !plain.isPackage);
  const folder = weights("https://example.org/models/b16/?token=1");
  assert.deepEqual(folder.weights, { kind: "url", url: "https://example.org/models/b16/model.safetensors?token=1" });
  assert.deepEqual(folder.preprocessor, { kind: "url", url: "https://example.org/models/b16/preprocessor_config.json?token=1" });
  assert.equal(folder.name, "b16");
  const blob = weights("blob:https://example.org/0f");
  assert.equal(blob.config, null);
  refused("https://example.org/page.html", "model-unknown", /slash/);
});

test("files may be addresses, blobs or bytes, and a part of a buffer is not taken for the whole", () => {
  const part = new Uint8Array([9, 1, 2, 9]).subarray(1, 3);
  const model = files({ name: "mine", config: new Blob(["{}"]), weights: part });
  assert.equal(model.preprocessor, null);
  assert.ok(model.config?.kind === "data" && model.config.data instanceof Blob);
  assert.ok(model.weights.kind === "data" && model.weights.data instanceof ArrayBuffer);
  assert.deepEqual([...new Uint8Array(model.weights.data)], [1, 2]);
  assert.equal(files({ name: "mine", weights: part }).config, null);
});

test("a local file stands for itself, and of a folder's files the right ones are taken", () => {
  const single = files(file("clip-q8.safetensors"));
  assert.equal(single.name, "clip-q8");
  assert.equal(single.config, null);
  assert.equal(files([file("clip-q8.safetensors")]).name, "clip-q8");
  const folder = files([file("b16/README.md"), file("b16/config.json"), file("b16/old/config.json"), file("b16/model.safetensors"), file("b16/text.safetensors")]);
  assert.equal(folder.name, "b16");
  assert.ok(folder.weights.kind === "data" && folder.weights.data instanceof File && folder.weights.data.name === "model.safetensors");
  assert.ok(folder.config?.kind === "data" && folder.config.data instanceof File && folder.config.data.webkitRelativePath === "b16/config.json");
  assert.equal(folder.preprocessor, null);
  assert.ok(files([file("config.json"), file("clip.safetensors")]).config !== null);
});

test("of a folder without weights it is said what is there instead", () => {
  refused([file("b16/config.json"), file("b16/pytorch_model.bin")], "model-incomplete", /only pytorch_model\.bin.*clip-ttl convert/s);
  refused([file("g/model.safetensors.index.json"), file("g/model-00001-of-00002.safetensors")], "model-incomplete", /several files/);
  refused([], "model-incomplete", /empty/);
  refused(file("model.onnx"), "model-incomplete", /model\.onnx/);
  refused([file("a/model.safetensors"), file("b/model.safetensors")], "model-unknown", /several models.*a\/model\.safetensors, b\/model\.safetensors/);
  refused([file("config.json"), "model.safetensors"], "model-unknown");
});

test("what is no model is refused", () => {
  for (const wrong of ["vit-xxl", "", "a/b/c", null, 3, { name: "x", config: "config.json" }, { name: "x", config: 3, weights: "w" }]) refused(wrong, "model-unknown");
  refused({ name: "", weights: new Uint8Array() } satisfies ModelFiles, "model-unknown");
  assert.throws(() => resolveModel("o/n", { folder: null, hub: "ftp://x" }), (error) => error instanceof ClipTtlError && error.code === "url-invalid");
});

test("the format of weights is one of five", () => {
  assert.equal(checkDtype(undefined), "auto");
  assert.equal(checkDtype("q4"), "q4");
  assert.throws(() => checkDtype("int8" as WeightsChoice), (error) => error instanceof ClipTtlError && error.option === "dtype");
});
