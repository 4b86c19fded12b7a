import { createHash } from 'node:crypto';
import type { CancelSignal } from '@cutpoint/core';
import { availableProviders, chooseProvider, type KeptChoice } from '@cutpoint/runtime';
import type { LayerRange } from '../graph/range.js';
import type { Package } from '../package/read-package.js';
import { measureRange } from './measure-range.js';
import { type OpenRangeOptions, openRange, type RangeProvider } from './open-range.js';

/**
 * The CPU rounds activations to 8 bits where weights are blocks of 2, 4 or 8, which others do not; what is computed wrongly differs by the
 * whole, 1 or more.
 */
const mostDifference = 0.05;

/** Opening a model is counted too. */
const deadlineMs = 60_000;

/** @param own whether our kernels may be chosen, beside providers of the runtime. */
export interface RangeChoiceOptions extends OpenRangeOptions {
  readonly own: boolean;
  /** Hears a sentence before something is measured, which takes a while. */
  readonly onMeasuring?: ((sentence: string) => void) | undefined;
}

/**
 * The provider that is fastest at a text's next token in these layers, as remembered or measured now: each opens them, one after another.
 * @throws CutpointError what opening or running them on the CPU throws; CUT_CANCELLED.
 */
export async function chooseRangeProvider(
  made: Package,
  range: LayerRange,
  { own, onMeasuring, ...options }: RangeChoiceOptions,
): Promise<KeptChoice> {
  const { threads, cache, signal } = options;
  const { manifest } = made;
  const others = [...(own && cache === 'f32' ? ['wgpu'] : []), ...(await availableProviders(signal))];
  return await chooseProvider({
    what: `${manifest.name}, layers ${range.from} to ${range.to}${range.head ? ' and head' : ''}`,
    subject: { package: createHash('sha256').update(JSON.stringify(manifest)).digest('hex'), range, threads, cache },
    others,
    measure: async (provider: string, within: CancelSignal) => {
      const limits = { ...options, cacheTokens: measuredTokens, signal: within };
      const opened = await openRange(provider as RangeProvider, made, range, limits);
      try {
        return await measureRange(opened, within);
      } finally {
        await opened.dispose();
      }
    },
    mostDifference,
    deadlineMs,
    onMeasuring,
    signal,
  });
}

/** Room for what is measured. */
const measuredTokens = 64;
