import type { LlmProblem, LlmSide } from './problem.js';

const lengths = [1, 64];
/** A layer takes so long for one token and, at 64 tokens, twice as long; 64 tokens at once take 16 times as long. */
const layer = (ms: number) => ({ decodeMs: { f16: [ms, 2 * ms] }, prefillMs: [ms, 16 * ms] });
const side = (id: string, ms: number): LlmSide => ({
  id,
  lengths,
  layers: { '4': [layer(ms), layer(ms)] },
  headMs: { '4': ms },
  codecs: { f16: { encodeMs: 0.5, decodeMs: 0.5 } },
  memory: { baseBytes: 100, perWeightByte: 1 },
});

/** Two layers of 1,000 bytes on an agent with 10 ms and a server with 1 ms for each, and a round trip of 4 ms. */
export const tinyProblem: LlmProblem = {
  model: {
    layers: 2,
    contextTokens: 64,
    layerBytes: { '4': [1_000, 1_000] },
    headBytes: { '4': 500 },
    loadBytes: { '4': { layers: 0, head: 0 } },
    cacheBytes: { f16: 8 },
    uncachedTokenBytes: 5,
    cacheStepTokens: 1,
    passBytes: { token: 1, layerToken: 0, textToken: 0, score: 0 },
    roleBytes: { servedToken: 0, headApart: 0 },
  },
  agent: side('agent', 10),
  remote: {
    side: side('server', 1),
    link: { id: 'wifi', up: { fixedMs: 2, bytesPerS: 100_000 }, down: { fixedMs: 2, bytesPerS: 100_000 } },
  },
  splits: [
    { cut: 0, frontWidth: null, backWidth: '4', codec: null, answerCodec: null, upBytes: 4, downBytes: 4 },
    { cut: 1, frontWidth: '4', backWidth: '4', codec: 'f16', answerCodec: null, upBytes: 512, downBytes: 4 },
    { cut: 2, frontWidth: '4', backWidth: null, codec: null, answerCodec: null, upBytes: 0, downBytes: 0 },
  ].map((split) => ({ ...split, cache: 'f16', perplexity: 48 })),
  promptTokens: 4,
  lengthTokens: 8,
  chunkTokens: 4,
  frameBytes: { up: 24, down: 24 },
};
