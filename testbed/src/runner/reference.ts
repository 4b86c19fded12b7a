import { setTimeout as sleep } from 'node:timers/promises';
import { type CutModel, concreteInputs, type Dims, loadSegment, randomInputs, sourceOf } from '@cutpoint/runtime';

/** The whole model, run here between requests: how fast the machine is at the moment. */
export interface Reference extends AsyncDisposable {
  /**
   * The time of one run, in ms. A pause comes first: stages wait for one another, or stand for slower devices, and so find
   * the processor's caches as cold as a run after a pause does.
   */
  beat(): Promise<number>;
}

const pauseMs = 20;

/** Loads the whole model with as many threads as the profile used. */
export async function openReference(
  { file, inputs }: CutModel,
  { dims, threads, signal }: { dims: Dims; threads: number; signal: AbortSignal },
): Promise<Reference> {
  const segment = await loadSegment(sourceOf(file.model, file), { threads, signal });
  const tensors = randomInputs(concreteInputs(inputs, dims).inputs);
  return {
    async beat() {
      await sleep(pauseMs, undefined, { signal });
      const startedAt = performance.now();
      await segment.run(tensors, { signal });
      return performance.now() - startedAt;
    },
    [Symbol.asyncDispose]: () => segment.dispose(),
  };
}
