/** ONNX Runtime's forward pass of all views, inside the page. */

import { filled, loadArrays } from "/pages/arrays.js";

/**
 * @param {{ device: "cpu" | "webgpu", shape: number[] }} options `shape` is that of the pixels, which are the recorded views' over and over.
 */
export async function start({ device, shape }) {
  const runtime = await import(device === "webgpu" ? "/onnxruntime-web/ort.webgpu.min.mjs" : "/onnxruntime-web/ort.wasm.min.mjs");
  runtime.env.wasm.numThreads = 1;
  const session = await runtime.InferenceSession.create("/made/vision.onnx", { executionProviders: [device === "webgpu" ? "webgpu" : "wasm"] });
  const recording = await loadArrays("recording");
  const feeds = { pixels: new runtime.Tensor("float32", filled(recording.get("views").values, shape), shape) };
  return {
    /** The features of all views, row after row. */
    async features() {
      const { features } = await session.run(feeds);
      return features.data;
    },
  };
}
