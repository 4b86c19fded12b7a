import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { CancelSignal } from '@cutpoint/core';
import type { Segment, SegmentOptions, SegmentSource } from '../segment/segment.js';
import { AutoSegment } from './auto-segment.js';
import { availableProviders } from './available-providers.js';
import { chooseProvider } from './choose-provider.js';
import { measureSegment } from './measure-segment.js';
import { openChosen } from './open-chosen.js';
import { forgetChoice } from './remembered-choices.js';

/** Loads a source on a provider that is named. */
type Load = (options: SegmentOptions) => Promise<Segment>;

/** Providers round and sum in other orders; what is wrong is mostly wrong altogether. */
const mostDifference = 0.01;

/**
 * Loads a segment on the provider that computes it fastest here and rightly, as remembered or measured now.
 * @throws CutpointError what loading it on the CPU throws.
 */
export async function loadAuto(source: SegmentSource, options: SegmentOptions, load: Load): Promise<Segment> {
  const { threads, optimisation, slowDown, signal, inputShapes = new Map(), onNotice = () => undefined } = options;
  const request = {
    what: describe(source),
    subject: {
      segment: await hashOf(source),
      inputs: [...inputShapes],
      how: { threads, optimisation, slowDown },
    },
    others: await availableProviders(signal),
    measure: async (provider: string, within: CancelSignal) => {
      // A driver may take its process down, or be stuck in a call that no thread can be got out of.
      const isolation = provider === 'cpu' ? ('thread' as const) : ('process' as const);
      await using segment = await load({ ...options, provider, isolation, signal: within });
      return await measureSegment(segment, inputShapes, { signal: within });
    },
    mostDifference,
    onMeasuring: onNotice,
    signal,
  };
  const kept = await chooseProvider(request);
  const { opened, provider: choice } = await openChosen(kept, (provider) => load({ ...options, provider }));
  for (const notice of choice.notices) onNotice(notice);
  return new AutoSegment({
    segment: opened,
    choice,
    loadOnCpu: () => load({ ...options, provider: 'cpu' }),
    onFallback: async ({ notices }) => {
      onNotice(notices.at(-1) ?? '');
      const stays = await forgetChoice(kept.key);
      if (stays !== undefined) onNotice(stays);
    },
  });
}

function describe(source: SegmentSource): string {
  return source.kind === 'file' ? source.path : `a segment of ${source.model.byteLength} bytes`;
}

/** Weights in other files do not change what is fastest. */
async function hashOf(source: SegmentSource): Promise<string> {
  const hash = createHash('sha256');
  if (source.kind === 'bytes') hash.update(source.model);
  else await pipeline(createReadStream(source.path), hash);
  return hash.digest('hex');
}
