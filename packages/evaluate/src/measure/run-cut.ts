import type { CancelSignal, NamedTensors } from '@cutpoint/core';
import { type CutModel, loadStage, type Stage, type StageResult, splitOf } from '@cutpoint/runtime';

/** A model loaded whole, and split at one cut. */
export interface CutRunner extends AsyncDisposable {
  whole(inputs: NamedTensors): Promise<NamedTensors>;
  front(inputs: NamedTensors): Promise<StageResult>;
  back(crossing: NamedTensors): Promise<NamedTensors>;
}

export interface RunnerOptions {
  readonly threads?: number | undefined;
  readonly signal?: CancelSignal | undefined;
}

/** @throws CutpointError CUT_ILLEGAL_CUT and what loading segments throws. */
export async function openCutRunner(
  model: CutModel,
  at: number,
  { threads = 1, signal }: RunnerOptions,
): Promise<CutRunner> {
  const options = { threads, ...(signal === undefined ? {} : { signal }) };
  const stages: Stage[] = [];
  const close = async () => {
    for (const stage of stages) await stage[Symbol.asyncDispose]();
  };
  try {
    for (const plan of [...splitOf(model, []).segments, ...splitOf(model, [at]).segments]) {
      stages.push(await loadStage(plan, options));
    }
  } catch (thrown) {
    await close();
    throw thrown;
  }
  const [whole, front, back] = stages;
  if (whole === undefined || front === undefined || back === undefined) throw new RangeError('a segment is missing');
  const runOptions = signal === undefined ? {} : { signal };
  return {
    whole: async (inputs) => (await whole.run(inputs, runOptions)).answers,
    front: (inputs) => front.run(inputs, runOptions),
    back: async (crossing) => (await back.run(crossing, runOptions)).answers,
    [Symbol.asyncDispose]: close,
  };
}
