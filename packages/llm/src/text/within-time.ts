import { type Context, createContext, Script } from 'node:vm';
import type { InTime } from './within.js';

/** One for all work, as making it takes longer than most work does. */
let context: Context | undefined;
const script = new Script('work()');

/**
 * Runs synchronous work and ends it after a time, from wherever it is. This is Node's watchdog alone, which stops functions
 * from outside its context as well; the context itself is no barrier and holds nothing.
 * @throws what the work throws.
 */
export function withinTime<T>(mostMs: number, work: () => T): InTime<T> {
  context ??= createContext({});
  context.work = work;
  try {
    return { inTime: true, value: script.runInContext(context, { timeout: mostMs }) as T };
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return { inTime: false };
    throw thrown;
  } finally {
    context.work = undefined;
  }
}
