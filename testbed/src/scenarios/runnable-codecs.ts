import { checkCrossing } from '@cutpoint/codec';
import { CutpointError } from '@cutpoint/core';
import type { PlanProblem } from '@cutpoint/plan';

/**
 * A problem without the codecs that can be planned with, as they were calibrated, but not run: devices code tensors by a
 * spec alone, and have neither a coder of pictures nor the tables of a transform.
 */
export function withRunnableCodecs(problem: PlanProblem): { problem: PlanProblem; note: string | undefined } {
  const codecs = problem.codecs.filter(({ id }) => canCross(id));
  const others = problem.codecs.filter((codec) => !codecs.includes(codec)).map(({ id }) => id);
  const note = others.length === 0 ? undefined : `Devices cannot use these codecs, left out here: ${others.join(' ')}.`;
  return { problem: { ...problem, codecs }, note };
}

function canCross(spec: string): boolean {
  try {
    checkCrossing(spec);
    return true;
  } catch (thrown) {
    if (thrown instanceof CutpointError && thrown.code === 'CUT_USAGE') return false;
    throw thrown;
  }
}
