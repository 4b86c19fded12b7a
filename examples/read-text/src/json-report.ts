import type { Cut } from '@cutpoint/graph';
import type { ReadPicture } from './demo.js';
import type { Plan } from './plan.js';

/** The demo's findings as one object, for `--json`. Times in ms, `seconds` for the whole demo. */
export function jsonReport(plan: Plan, read: readonly ReadPicture[], seconds: number) {
  return {
    model: plan.model.file.name,
    cuts: plan.table.map(describeCut),
    used: plan.used.index,
    pictures: read.map(({ picture, result: { whole, split, maxAbsDiff, agree } }) => ({
      name: picture.name,
      width: picture.picture.width,
      height: picture.picture.height,
      whole,
      split,
      // JSON has no infinity: null says that the answers have different shapes.
      maxAbsDiff: Number.isFinite(maxAbsDiff) ? maxAbsDiff : null,
      agree,
    })),
    agree: read.every(({ result }) => result.agree),
    seconds,
  };
}

function describeCut({ index, name, tensors, bytes, frontNodes, frontWeightBytes }: Cut) {
  return { index, name, tensors, bytes, frontNodes, frontWeightBytes };
}
