/**
 * Rows times some matrices, one after the other, inside a page, by one of the libraries. `start` gives what multiplies once, and returns the numbers of the last
 * product. The rows are in `/made/products.json` as `rows`, the matrices as `matrix 0` and so on.
 */

import { loadArrays } from "/pages/arrays.js";

/** @param {{ library: string, format: string, kernel: string }} options `kernel` is one of clip-ttl's. */
export async function start({ library, format, kernel }) {
  const arrays = await loadArrays("products");
  const rows = arrays.get("rows");
  const matrices = [...arrays].filter(([name]) => name !== "rows").map(([, array]) => array);
  switch (library) {
    case "clip-ttl":
      return clipTtl(rows, matrices, format, kernel);
    case "jax":
      return jax(rows, matrices);
    default:
      return onnxruntime(rows, format);
  }
}

async function clipTtl(rows, matrices, format, kernel) {
  const { default: load, Products } = await import("/clip-ttl/products.js");
  await load({ module_or_path: "/clip-ttl/products_bg.wasm" });
  const products = await Products.open();
  const numbers = Float32Array.from(matrices.flatMap(({ values }) => [...values]));
  const widths = Uint32Array.from([rows.shape[1], ...matrices.map(({ shape }) => shape[1])]);
  const chain = products.chain(rows.values, numbers, widths, format);
  return () => chain.multiply(kernel);
}

async function jax(rows, matrices) {
  const { defaultDevice, init, numpy: np } = await import("/jax-js/index.js");
  if (!(await init("webgpu")).includes("webgpu")) {
    throw new Error("jax-js has no WebGPU here");
  }
  defaultDevice("webgpu");
  const [first, ...others] = [rows, ...matrices].map(({ shape, values }) => np.array(values).reshape(shape));
  return () => others.reduce((product, matrix) => np.matmul(product, matrix.ref), first.ref).data();
}

async function onnxruntime(rows, format) {
  const runtime = await import("/onnxruntime-web/ort.webgpu.min.mjs");
  const session = await runtime.InferenceSession.create(`/made/products-${format}.onnx`, { executionProviders: ["webgpu"] });
  const feeds = { rows: new runtime.Tensor("float32", rows.values, rows.shape) };
  return async () => (await session.run(feeds)).product.data;
}
