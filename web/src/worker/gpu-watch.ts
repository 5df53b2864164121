/**
 * Knows the graphics device that the engine opened, and whether it was lost.
 *
 * The engine's own runtime asks the browser for the device deep within WebAssembly. A look over its shoulder tells the
 * worker at once when the device goes away, also in the middle of work that would otherwise wait for it for ever.
 */
export class GpuWatch {
  #device: GPUDevice | null = null;
  #name: string | null = null;
  #loss: string | null = null;
  #onLoss: (reason: string) => void = () => undefined;

  constructor() {
    if (typeof GPUAdapter === "undefined") return;
    const watch = this;
    const original = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, descriptor?: GPUDeviceDescriptor) {
      const device = await original.call(this, descriptor);
      watch.#name = nameOf(this.info);
      watch.#observe(device);
      return device;
    };
  }

  /** What the browser tells about the graphics adapter, which the engine's runtime does not pass on. */
  get adapterName(): string | null {
    return this.#name;
  }

  /** Why the device in use was lost, or null while it is there. */
  get loss(): string | null {
    return this.#loss;
  }

  /** Calls back when the device in use is lost. */
  whenLost(callback: (reason: string) => void): void {
    this.#onLoss = callback;
  }

  /** The engine runs on the CPU: what becomes of a graphics device that it merely looked at is no concern. */
  forget(): void {
    this.#device = null;
    this.#loss = null;
  }

  /** As a driver's crash would. */
  loseForTests(): void {
    this.#device?.destroy();
  }

  #observe(device: GPUDevice): void {
    this.#device = device;
    void device.lost.then((info) => {
      if (this.#device !== device) return;
      this.#loss = info.message || info.reason;
      this.#onLoss(this.#loss);
    });
  }
}

/** For privacy, browsers tell the vendor and the architecture, and rarely more. */
function nameOf(info: GPUAdapterInfo): string | null {
  const parts = [info.vendor, info.architecture].filter((part) => part !== "");
  return info.description || parts.join(" ") || null;
}
