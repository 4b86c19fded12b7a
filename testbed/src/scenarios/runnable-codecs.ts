import { checkCrossing, type TransformTables, tableNamed } from '@cutpoint/codec';
import { CutpointError } from '@cutpoint/core';
import type { PlanProblem } from '@cutpoint/plan';

/**
 * A problem without the codecs that can be planned with, as they were calibrated, but not run: devices have no coder of
 * pictures, and a transform needs its table.
 */
export function withRunnableCodecs(
  problem: PlanProblem,
  tables: TransformTables = new Map(),
): { problem: PlanProblem; note: string | undefined } {
  const codecs = problem.codecs.filter(({ id }) => canCross(id, tables));
  const others = problem.codecs.filter((codec) => !codecs.includes(codec)).map(({ id }) => id);
  const note = others.length === 0 ? undefined : `Devices cannot use these codecs, left out here: ${others.join(' ')}.`;
  return { problem: { ...problem, codecs }, note };
}

function canCross(spec: string, tables: TransformTables): boolean {
  try {
    const table = tableNamed(checkCrossing(spec));
    return table === undefined || tables.has(table);
  } catch (thrown) {
    if (thrown instanceof CutpointError && thrown.code === 'CUT_USAGE') return false;
    throw thrown;
  }
}
