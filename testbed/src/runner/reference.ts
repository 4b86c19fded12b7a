import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CutModel,
  concreteInputs,
  type Dims,
  loadSegment,
  randomInputs,
  type Segment,
  sourceOf,
} from '@cutpoint/runtime';

/** What one run of the reference took. */
export interface Beat {
  /** As a device that is this machine has it: with the time in which others held the processor. */
  readonly elapsedMs: number;
  /** As a slowed device has it: the time in which the run held a processor. See `SlowDown` of packages/runtime. */
  readonly processorMs: number;
}

/** The whole model, run here between requests: how fast the machine is at the moment. */
export interface Reference extends AsyncDisposable {
  /**
   * Runs it twice, once for each time. A pause comes first: stages wait for one another, or stand for slower devices, and
   * so find the processor's caches as cold as a run after a pause does.
   */
  beat(): Promise<Beat>;
}

const pauseMs = 20;
/** A segment that is slowed takes this many times its processor time, by definition. */
const factor = 2;

/** Loads the whole model with as many threads as the profile used. */
export async function openReference(
  { file, inputs }: CutModel,
  { dims, threads, signal }: { dims: Dims; threads: number; signal: AbortSignal },
): Promise<Reference> {
  const source = sourceOf(file.model, file);
  const plain = await loadSegment(source, { threads, signal });
  const slowed = await loadSegment(source, { threads, signal, slowDown: factor });
  const tensors = randomInputs(concreteInputs(inputs, dims).inputs);
  const run = async (segment: Segment) => {
    // Not cancelled by the signal, whose error would be the timer's own: the run that follows is refused at once.
    await sleep(pauseMs);
    const startedAt = performance.now();
    const { timing } = await segment.run(tensors, { signal });
    return { elapsedMs: performance.now() - startedAt, computeMs: timing.computeUs / 1000 };
  };
  return {
    async beat() {
      const { elapsedMs } = await run(plain);
      return { elapsedMs, processorMs: (await run(slowed)).computeMs / factor };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([plain.dispose(), slowed.dispose()]);
    },
  };
}
