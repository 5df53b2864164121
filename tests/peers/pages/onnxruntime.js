/** ONNX Runtime's forward pass of all views, inside the page. */

import { normal } from "/pages/random.js";

/**
 * @param {{ device: "cpu" | "webgpu", shape: number[], seed: number }} options `shape` is that of the pixels.
 */
export async function start({ device, shape, seed }) {
  const runtime = await import(device === "webgpu" ? "/onnxruntime-web/ort.webgpu.min.mjs" : "/onnxruntime-web/ort.wasm.min.mjs");
  runtime.env.wasm.numThreads = 1;
  const session = await runtime.InferenceSession.create("/made/vision.onnx", { executionProviders: [device === "webgpu" ? "webgpu" : "wasm"] });
  const count = shape.reduce((product, size) => product * size, 1);
  const feeds = { pixels: new runtime.Tensor("float32", normal(count, seed), shape) };
  return {
    /** The features of all views, row after row. */
    async features() {
      const { features } = await session.run(feeds);
      return features.data;
    },
  };
}
