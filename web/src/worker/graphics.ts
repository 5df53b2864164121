/** Whether there is a graphics device that is worth it. */

/** An adapter's word on itself: newer browsers say it with what else they tell of an adapter. */
interface MaybeFallback {
  readonly isFallbackAdapter?: boolean;
  readonly info?: { readonly isFallbackAdapter?: boolean };
}

/** A real one: what is imitated in software is slower than the CPU device, and the engine passes it over when it has the choice. */
export async function hasGraphics(): Promise<boolean> {
  try {
    const gpu = (globalThis.navigator as { readonly gpu?: { requestAdapter(): Promise<unknown> } }).gpu;
    const adapter = (await gpu?.requestAdapter()) as MaybeFallback | null | undefined;
    if (adapter === null || adapter === undefined) return false;
    return !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter ?? false);
  } catch {
    return false;
  }
}
