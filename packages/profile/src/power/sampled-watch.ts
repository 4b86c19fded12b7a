import { asCutpointError } from '@cutpoint/core';
import type { PowerWatch } from './power-meter.js';

/**
 * Calls `sample` at once, every `everyMs` and at the end; `result` then says what came of it. A sample that fails ends
 * the measurement, and `stop` throws why.
 */
export async function sampledWatch(
  sample: () => Promise<void>,
  everyMs: number,
  result: () => number,
): Promise<PowerWatch> {
  await sample();
  let failed: unknown;
  let last = Promise.resolve();
  const take = () => {
    last = last.then(sample).catch((thrown: unknown) => {
      failed ??= thrown;
    });
  };
  const timer = setInterval(take, everyMs);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      take();
      await last;
      if (failed !== undefined) throw asCutpointError(failed, 'CUT_POWER');
      return result();
    },
  };
}
