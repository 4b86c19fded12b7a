import { CutpointError } from '@cutpoint/core';
import type { BlockBits } from '../package/package-manifest.js';

/** Widths that layers can have, ascending. */
export const layerWidths: readonly BlockBits[] = [2, 4, 8];

/**
 * Gives the most important layers the wider, all others the narrower of the two widths around a mean (R. Dumitru et al.,
 * "Layer-Wise Quantization", 2024): as many wide ones as the mean allows.
 * @param importance one for each layer; larger is more important, of equals the earlier layer.
 * @throws CutpointError CUT_USAGE for a mean that is not from 2 to 8.
 */
export function bitsByRank(importance: readonly number[], meanBits: number): BlockBits[] {
  requireMean(meanBits);
  const high = layerWidths.find((width) => width >= meanBits) ?? 8;
  const low = layerWidths.findLast((width) => width <= meanBits) ?? 2;
  const wide =
    high === low ? importance.length : Math.floor((importance.length * (meanBits - low)) / (high - low) + 1e-9);
  const ranked = importance.map((_, layer) => layer).sort((a, b) => (importance[b] ?? 0) - (importance[a] ?? 0));
  const chosen = new Set(ranked.slice(0, wide));
  return importance.map((_, layer) => (chosen.has(layer) ? high : low));
}

/**
 * The widths of layers with which their losses sum up to least, exactly, where no more than a mean width may be spent. With
 * losses that fall by a constant factor per bit these are the widths of equal losses of BAQ (arXiv 2506.05664), taken per layer
 * and kept to widths that there are. Time grows with layers times bits.
 * @param losses of each layer at each of `layerWidths`; of equal sums the one with fewer bits in the earlier layers.
 * @throws CutpointError CUT_USAGE for a mean that is not from 2 to 8.
 */
export function bitsByLoss(losses: readonly (readonly number[])[], meanBits: number): BlockBits[] {
  requireMean(meanBits);
  const budget = Math.floor(losses.length * meanBits + 1e-9);
  // least[layer][bits]: the least loss of the layers from this one on, with so many bits left.
  const least: Float64Array[] = [new Float64Array(budget + 1)];
  for (const own of [...losses].reverse()) {
    const behind = least[0] ?? new Float64Array(0);
    least.unshift(Float64Array.from(behind, (_, bits) => bestOf(own, behind, bits).loss));
  }
  let left = budget;
  return losses.map((own, layer) => {
    const { width } = bestOf(own, least[layer + 1] ?? new Float64Array(0), left);
    left -= width;
    return width;
  });
}

function bestOf(own: readonly number[], behind: Float64Array, bits: number): { loss: number; width: BlockBits } {
  let best: { loss: number; width: BlockBits } = { loss: Number.POSITIVE_INFINITY, width: 2 };
  for (const [i, width] of layerWidths.entries()) {
    const loss = (own[i] ?? 0) + (behind[bits - width] ?? Number.POSITIVE_INFINITY);
    if (loss < best.loss) best = { loss, width };
  }
  return best;
}

function requireMean(meanBits: number): void {
  if (meanBits >= 2 && meanBits <= 8) return;
  throw new CutpointError('CUT_USAGE', `The mean width is ${meanBits} bits, but layers have 2 to 8.`);
}
