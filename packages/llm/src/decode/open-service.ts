import type { CacheKind } from '../graph/cache-kind.js';
import type { LayerRange } from '../graph/range.js';
import type { OpenRequest } from './decoder-protocol.js';
import { DecoderService } from './decoder-service.js';
import { openSession } from './open-session.js';
import type { RangeService } from './range-service.js';
import { RangeSession } from './range-session.js';
import { RecomputingService } from './recomputing-service.js';

/**
 * Opens what a decoder's worker is asked for: one session for the range, or without a cache one for each of its layers.
 * @throws CutpointError as `openSession`
 */
export async function openService(request: OpenRequest): Promise<RangeService> {
  const { range, cache, chunkTokens } = request;
  if (cache !== 'none') return new DecoderService(await openRange(request, range, cache), chunkTokens);
  const layers: RangeSession[] = [];
  try {
    for (let layer = range.from; layer < range.to; layer++) {
      layers.push(await openRange(request, { from: layer, to: layer + 1, head: false }, 'f32'));
    }
    return new RecomputingService(layers, chunkTokens);
  } catch (thrown) {
    for (const layer of layers) await layer.release();
    throw thrown;
  }
}

async function openRange(
  { folder, manifest, threads, provider }: OpenRequest,
  range: LayerRange,
  cache: CacheKind,
): Promise<RangeSession> {
  const session = await openSession({ folder, manifest, range, threads, provider, cache });
  return new RangeSession(session, manifest.config, range, cache);
}
