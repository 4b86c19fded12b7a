import type { DecoderConfig } from '../architecture/decoder-config.js';
import { smallConfig } from '../package/small-decoder.testing.js';

/** One small decoder for each way in which families differ. */
export const smallFamilies: Record<string, DecoderConfig> = {
  'llama, grouped queries': smallConfig,
  'llama 3, scaled rope and a bias behind attention': {
    ...smallConfig,
    outBias: true,
    ropes: [
      {
        theta: 500,
        scaling: {
          kind: 'llama3',
          factor: 8,
          lowFrequencyFactor: 1,
          highFrequencyFactor: 4,
          originalContextTokens: 24,
        },
      },
    ],
  },
  'mistral, a window': {
    ...smallConfig,
    family: 'mistral',
    attention: [
      { rope: 0, windowTokens: 5 },
      { rope: 0, windowTokens: 5 },
    ],
  },
  'qwen2, biases and as many heads of keys as of queries': {
    ...smallConfig,
    family: 'qwen2',
    kvHeads: 4,
    qkvBias: true,
  },
  'qwen3, normalised queries and keys, heads larger than their share': {
    ...smallConfig,
    family: 'qwen3',
    headSize: 16,
    attentionScale: 0.25,
    qkNorm: true,
  },
  'gemma 3, one head of keys, two ropes, norms behind, gelu': {
    ...smallConfig,
    family: 'gemma3',
    kvHeads: 1,
    headSize: 16,
    attentionScale: 0.3,
    embeddingScale: Math.sqrt(32),
    activation: 'gelu-tanh',
    qkNorm: true,
    postNorms: true,
    ropes: [
      { theta: 10_000, scaling: { kind: 'none' } },
      { theta: 100_000, scaling: { kind: 'linear', factor: 8 } },
    ],
    attention: [
      { rope: 0, windowTokens: 6 },
      { rope: 1, windowTokens: null },
    ],
  },
};
