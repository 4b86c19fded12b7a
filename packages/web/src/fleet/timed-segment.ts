import type { LoadedRunner } from '@cutpoint/profile/browser';
import { FrontRunner } from '../split/front-runner.js';

/** A segment whose outputs are all given: to be timed, until the signal ends it. @throws CutpointError CUT_PROVIDER, and what loading a front throws */
export async function loadTimed(model: ArrayBuffer, signal: AbortSignal): Promise<LoadedRunner> {
  const runner = await FrontRunner.load(model, { sends: [], answers: 'all' }, 'wasm', signal);
  return {
    async run(inputs) {
      const { answers, frontMs } = await runner.run(inputs, 'raw', signal);
      return { outputs: answers, ms: frontMs };
    },
    [Symbol.asyncDispose]: async () => runner[Symbol.dispose](),
  };
}
