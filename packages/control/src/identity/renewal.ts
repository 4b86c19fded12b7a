/** A certificate is renewed when one part of so many of its lifetime is left. */
const partLeft = 3;

/** Whether a certificate shall be renewed: durations only, so that no clock has to be right. */
export function renewalDue({ ageMs, lifetimeMs }: { readonly ageMs: number; readonly lifetimeMs: number }): boolean {
  return lifetimeMs - ageMs <= lifetimeMs / partLeft;
}

/**
 * How old a certificate is: what passed on the device's own clock between its receipt and the start of this process, and
 * on the monotonic clock since then. A clock that went back tells nothing, and the server will say so when it is time.
 */
export function certificateAge(receivedAtMs: number, startedAtMs: number = Date.now()): () => number {
  const before = Math.max(0, startedAtMs - receivedAtMs);
  const since = performance.now();
  return () => before + performance.now() - since;
}
