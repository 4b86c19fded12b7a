import type { PackageManifest } from '@cutpoint/llm';

/** Columns of a feed-forward that stay together: floats are divided anywhere, but the runtime likes whole vectors. */
export const floatUnit = 16;

/** Columns of the feed-forward that stay together when it is divided: the largest block of the weights behind them. */
export function ffnUnitOf({ layers }: Pick<PackageManifest, 'layers'>): number {
  return layers.reduce(
    (unit, { weights: { down } }) => Math.max(unit, down?.kind === 'blocks' ? down.block : unit),
    floatUnit,
  );
}
