/** The same without graphics devices: "webgpu" isn't there, and "auto" is the CPU. */

export { default } from "./clip_ttl.js";
export * from "./clip_ttl.js";
