/** Lets tabs that load the same model at the same time share the work: one fetches a piece, the others take it from the storage. */

/** A tab that holds a piece for longer is not waited for: it may hang. */
const LONGEST_WAIT_MS = 30_000;

/** The part of `LockManager` that is used; where there is none, every tab fetches everything, which is slower and no less right. */
export type Locks = Pick<LockManager, "request">;

/** The browser's, or null where there are none, or where looking is forbidden. */
export function browserLocks(): Locks | null {
  try {
    return globalThis.navigator?.locks ?? null;
  } catch {
    return null;
  }
}

/** Does the work while holding a lock; gives false, with nothing done, where somebody else holds it. */
export async function ifFree(locks: Locks, name: string, work: () => Promise<void>): Promise<boolean> {
  return locks.request(name, { ifAvailable: true }, async (lock) => {
    if (lock === null) return false;
    await work();
    return true;
  });
}

/** Does the work once the lock is free, or once that has taken too long. */
export async function whenFree(locks: Locks, name: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const patience = new AbortController();
  const onAbort = (): void => patience.abort();
  const timer = setTimeout(onAbort, LONGEST_WAIT_MS);
  signal.addEventListener("abort", onAbort, { once: true });
  let hasBegun = false;
  try {
    await locks.request(name, { signal: patience.signal }, async () => {
      hasBegun = true;
      await work();
    });
  } catch (error) {
    // Begun work has an error of its own.
    if (hasBegun || signal.aborted) throw error;
    await work();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
