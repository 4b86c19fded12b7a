import { CutpointError } from '@cutpoint/core';
import { type StageDescription, version } from '@cutpoint/daemon';
import type { CutIdentity, SegmentPlan, SplitModel, Stage } from '@cutpoint/runtime';
import type { RequestHandler } from '@cutpoint/wire';

/** What an agent must know of a server's segment to be sure that its own fits. */
export function describeBack(
  { modelHash, segments }: SplitModel,
  cut: CutIdentity,
  back: SegmentPlan,
): StageDescription {
  return {
    version,
    modelHash,
    segment: { index: back.index, count: segments.length },
    cut: { index: cut.index, name: cut.name },
    receives: cut.tensors.map(({ name, dtype }) => ({ name, dtype })),
    answers: [...back.answers],
  };
}

/** Answers `describe` and `infer` for the stage behind the cut. What goes wrong goes back to whoever asked. */
export function backStageHandler(description: StageDescription, stage: Stage): RequestHandler {
  return async ({ method, tensors, signal }) => {
    switch (method) {
      case 'describe':
        return { meta: description };
      case 'infer': {
        const result = await stage.run(tensors, { signal, transfer: true });
        return { meta: { timing: result.timing }, tensors: result.answers };
      }
      default:
        throw new CutpointError('CUT_USAGE', `The server has no method "${method}": it has describe and infer.`);
    }
  };
}
