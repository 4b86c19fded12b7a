import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type CancelSignal, CutpointError } from '@cutpoint/core';
import type { Segment, SegmentOptions, SegmentSource } from '../segment/segment.js';
import { AutoSegment } from './auto-segment.js';
import { availableProviders } from './available-providers.js';
import { chooseProvider } from './choose-provider.js';
import { measureSegment } from './measure-segment.js';
import type { ProviderChoice } from './provider-choice.js';
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
    signal,
  };
  const tell = (choice: ProviderChoice) => {
    for (const notice of choice.notices) onNotice(notice);
  };
  const opened = await openChosen();
  tell(opened.provider);
  return opened;

  async function openChosen(): Promise<Segment> {
    const { key, choice } = await chooseProvider(request);
    const loadOnCpu = () => load({ ...options, provider: 'cpu' });
    const onFallback = async (fallen: ProviderChoice) => {
      await forgetChoice(key);
      onNotice(fallen.notices.at(-1) ?? '');
    };
    const parts = { choice, loadOnCpu, onFallback };
    if (choice.provider === 'cpu') return new AutoSegment({ ...parts, segment: await loadOnCpu() });
    try {
      return new AutoSegment({ ...parts, segment: await load({ ...options, provider: choice.provider }) });
    } catch (thrown) {
      if (!(thrown instanceof CutpointError) || thrown.code === 'CUT_CANCELLED') throw thrown;
      await forgetChoice(key);
      const notice = `${choice.provider}, which was measured as the fastest, is not used: ${thrown.message}`;
      const fallen = { ...choice, provider: 'cpu', how: 'fallback' as const, notices: [...choice.notices, notice] };
      return new AutoSegment({ ...parts, choice: fallen, segment: await loadOnCpu() });
    }
  }
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
