import { median } from '@cutpoint/core';
import { type CutModel, concreteInputs, type Dims, loadSegment, randomInputs, sourceOf } from '@cutpoint/runtime';

/** The whole model, run here between the plans: how fast the machine is at the moment. */
export interface Reference extends AsyncDisposable {
  /** Median time of a few runs, in ms. */
  measure(): Promise<number>;
}

const runs = 9;

/** Loads the whole model with as many threads as the profile used. */
export async function openReference(
  { file, inputs }: CutModel,
  { dims, threads, signal }: { dims: Dims; threads: number; signal: AbortSignal },
): Promise<Reference> {
  const segment = await loadSegment(sourceOf(file.model, file), { threads, signal });
  const tensors = randomInputs(concreteInputs(inputs, dims).inputs);
  return {
    async measure() {
      const times: number[] = [];
      for (let run = 0; run < runs; run++) {
        const startedAt = performance.now();
        await segment.run(tensors, { signal });
        times.push(performance.now() - startedAt);
      }
      return median(times);
    },
    [Symbol.asyncDispose]: () => segment.dispose(),
  };
}
