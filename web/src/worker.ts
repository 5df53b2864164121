/** The worker's entry: owns the engine, takes requests one after another, and says when the engine is gone. */

import { ClipTtlError, toWire, type WireError } from "./errors.js";
import { isToWorker, PROTOCOL_VERSION, type Exchanges, type FromWorker, type Request, type RequestKind } from "./protocol.js";
import { EngineHost } from "./worker/engine-host.js";
import { GpuWatch } from "./worker/gpu-watch.js";
import { Obituary } from "./worker/obituary.js";
import { RequestQueue, type Ticket } from "./worker/request-queue.js";

/** The parts of a dedicated worker's global that are used; the type library for workers excludes the page's. */
interface WorkerScope {
  postMessage(message: FromWorker): void;
  addEventListener(type: "message", listener: (event: MessageEvent<unknown>) => void): void;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
  addEventListener(type: "unhandledrejection", listener: (event: PromiseRejectionEvent) => void): void;
}

const scope = globalThis as unknown as WorkerScope;
const post = (message: FromWorker): void => scope.postMessage(message);

const gpu = new GpuWatch();
const obituary = new Obituary(gpu, (error: WireError) => post({ type: "dead", error }));
const host = new EngineHost(gpu, obituary);
const queue = new RequestQueue();

scope.addEventListener("message", ({ data }) => {
  if (!isToWorker(data)) return;
  switch (data.type) {
    case "cancel":
      queue.cancel(data.id);
      break;
    case "debug-lose-device":
      gpu.loseForTests();
      break;
    case "debug-panic":
      host.panicForTests();
      break;
    default:
      void answer(data);
  }
});

// A trap in WebAssembly ends up here: its promises stay pending for ever.
scope.addEventListener("error", (event) => {
  event.preventDefault();
  obituary.crashed(event.error ?? event.message);
});
scope.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  obituary.crashed(event.reason);
});

async function answer(request: Request): Promise<void> {
  const { id } = request;
  try {
    const wait = (request.type === "adapt" || request.type === "compare") && queue.isBusy;
    if (wait) tell(id, { type: "progress", progress: { stage: "queued" } });
    const result = await queue.run(id, (ticket) => work(request, ticket));
    // What was computed after a panic can't be relied on; the page is about to be told of the end instead.
    if (!obituary.isWritten) post({ type: "result", id, result });
  } catch (error) {
    if (await obituary.claims(error)) return;
    post({ type: "error", id, error: toWire(error) });
  }
}

function work(request: Request, ticket: Ticket): Promise<Exchanges[RequestKind]["result"]> {
  const { id } = request;
  switch (request.type) {
    case "open":
      return host.open(request, ticket, (progress) => tell(id, progress));
    case "classify":
      return host.classify(request, ticket, (progress) => tell(id, progress));
    case "adapt":
      return host.adapt(request, ticket, (event) => tell(id, event));
    case "compare":
      return host.compare(request, ticket, (event) => tell(id, event));
    case "adapter":
      return host.adapter(request);
    case "verify":
      return host.verify(request);
    case "memory":
      return Promise.resolve(host.memoryBytes());
    default:
      throw new ClipTtlError("unknown", "the worker does not know this request");
  }
}

function tell(id: number, event: Exchanges[RequestKind]["event"]): void {
  post({ type: "event", id, event });
}

post({ type: "hello", version: PROTOCOL_VERSION });
