/** The collector, where it can be called: in Node once `expose-collector` was loaded, in no browser. */
interface Collected {
  readonly gc?: (options?: { readonly type: 'minor' }) => void;
}

/**
 * Gives the memory of arrays back that nobody holds any more. By itself the collector lets 64 MB of them lie, as it counts
 * what is in its own heap, and arrays are not.
 * @param which `young`: those of the last pass, in about 1 ms; `all`: also what lived for long, such as a cache, in about 10.
 */
export function collectGarbage(which: 'young' | 'all'): void {
  const { gc } = globalThis as Collected;
  if (which === 'young') gc?.({ type: 'minor' });
  else gc?.();
}
