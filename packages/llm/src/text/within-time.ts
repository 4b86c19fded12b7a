import { runInNewContext } from 'node:vm';

/**
 * Runs synchronous work and ends it after a time, from wherever it is: what a template of a stranger computes could else
 * hold up its thread for ever. This is Node's watchdog alone, which stops functions from outside its context as well; the
 * context itself is no barrier and holds nothing.
 * @throws what the work throws.
 */
export function withinTime<T>(
  mostMs: number,
  work: () => T,
): { readonly inTime: true; readonly value: T } | { readonly inTime: false } {
  try {
    return { inTime: true, value: runInNewContext('work()', { work }, { timeout: mostMs }) as T };
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return { inTime: false };
    throw thrown;
  }
}
