/** What `import … from "clip-ttl"` offers, as data: the documentation is made from it, and a test holds it against the code. */

export interface ApiEntry {
  readonly name: string;
  /** As TypeScript writes it. */
  readonly type: string;
  readonly description: string;
}

const EXPORTS: readonly ApiEntry[] = [
  { name: "ClipTtl", type: "class", description: "A loaded model in a worker of its own." },
  { name: "ClipTtlError", type: "class extends Error", description: "Every error: code for programs, message for people with what they can do, reason without the advice, option with the code option-invalid." },
  { name: "ERROR_CODES", type: "readonly ErrorCode[]", description: "All codes." },
  { name: "adviceFor", type: "(code: ErrorCode) => string", description: "What one can do about an error." },
  { name: "isErrorCode", type: "(code: unknown) => boolean", description: "Whether a value is one of the codes." },
  { name: "DEFAULT_TEMPLATE", type: "string", description: "The sentence around each label where none is given: a photo of a {}." },
  { name: "CATALOGUE", type: "readonly CatalogueEntry[]", description: "Published models with their sizes and licences." },
  { name: "modelStorage", type: "ModelStorage", description: "The models that the browser keeps for this site: list, delete, clear, estimate, persist." },
  { name: "setAssetBase", type: "(url: string) => void", description: "Says which folder the package's files are served from, where a bundler doesn't keep them together." },
  { name: "setWorkerUrl", type: "(url: string) => void", description: "Names a script of the page's own origin that imports the package's worker, for pages whose policy forbids workers from blob: addresses." },
];

const STATIC_MEMBERS: readonly ApiEntry[] = [
  { name: "load", type: "(options?: LoadOptions) => Promise<ClipTtl>", description: "Loads a model. Options: model, dtype, device, statistics, hub, cache, onProgress, signal, assetBase, workerUrl, stallTimeoutMs." },
];

const MEMBERS: readonly ApiEntry[] = [
  { name: "device", type: "DeviceInfo", description: "What the model runs on: kind (cpu or webgpu), name, and whether a graphics adapter is only imitated in software." },
  { name: "model", type: "ModelInfo", description: "The model's sizes." },
  { name: "warnings", type: "readonly Warning[]", description: "What went differently from what was asked while loading." },
  { name: "classify", type: "(image, labels, { template, adapter, signal, onWarning, onProgress }?) => Promise<LabelScore[]>", description: "How well each label fits, the best first." },
  { name: "adapt", type: "(image, labels, options?) => AdaptRun", description: "Adapts to one picture: an async iterable of steps, with zeroShot, result, adapter() and cancel()." },
  { name: "compare", type: "(image, labels, { methods, … }) => CompareRun", description: "Several methods on the same views of one picture: an async iterable of their outcomes, with zeroShot, result and cancel()." },
  { name: "methods", type: "() => Promise<readonly MethodDescription[]>", description: "What methods there are: what each does, its paper, and its options with defaults and limits." },
  { name: "verify", type: "(episode, { signal }?) => Promise<VerifyReport>", description: "Replays an episode that PyTorch recorded, and compares every quantity: a check of this device." },
  { name: "memoryBytes", type: "() => Promise<number>", description: "Bytes of the engine's WebAssembly memory: the most that it has needed so far." },
  { name: "dispose", type: "() => void", description: "Ends the worker and frees all memory. What is still awaited rejects with the code disposed." },
];

export const JAVASCRIPT_API = { exports: EXPORTS, static: STATIC_MEMBERS, members: MEMBERS } as const;
