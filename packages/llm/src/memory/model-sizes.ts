import type { LlmCalibration } from '@cutpoint/plan';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import { capacityStepTokens } from '../decode/kv-cache.js';
import { cachedHeadBytes, cacheKinds } from '../graph/cache-kind.js';

/**
 * What a process takes before it opens layers: Node, the runtime, our own code, and one thread that computes. A fit of 163 agents and
 * servers under limits of 85 to 590 MB gives 73 MB, and what they differ by up to 7 %. Where there is no limit, Node lets up to 35 MB
 * more lie before it collects.
 */
export const processBytes = 75e6;

/** How often a token's hidden state is copied from the embedding to its answer, and on a server beside that; from the same fit. */
const hiddenCopies = { everywhere: 7, served: 7.5 };

/** A second thread with a session, from the same fit. */
const headApartBytes = 20e6;

type ModelSizes = Pick<
  LlmCalibration['model'],
  'cacheBytes' | 'uncachedTokenBytes' | 'cacheStepTokens' | 'passBytes' | 'roleBytes'
>;

/** What memory depends on but for weights, from the shape of a model. */
export function modelSizes({ hiddenSize, ffnSize, heads, kvHeads, headSize }: DecoderConfig): ModelSizes {
  const f32 = Float32Array.BYTES_PER_ELEMENT;
  const hidden = f32 * hiddenSize;
  const keysAndValues = f32 * 2 * kvHeads * headSize;
  const projected = f32 * (heads + 2 * kvHeads) * headSize;
  return {
    cacheBytes: Object.fromEntries(cacheKinds.map((kind) => [kind, 2 * kvHeads * cachedHeadBytes(kind, headSize)])),
    uncachedTokenBytes: hidden + keysAndValues,
    cacheStepTokens: capacityStepTokens,
    passBytes: {
      // Gate and up as one matrix gives them and as two, what comes before and behind, and two orders of what attention takes.
      token: 4 * f32 * ffnSize + 3 * hidden + 2 * projected,
      layerToken: keysAndValues,
      // Attention joins the cache of one layer with what is new, and widens it where it is narrow.
      textToken: hiddenCopies.everywhere * hidden + 2 * keysAndValues,
      score: f32 * heads,
    },
    roleBytes: { servedToken: hiddenCopies.served * hidden, headApart: headApartBytes },
  };
}
