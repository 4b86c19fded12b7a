import type { LlmRates } from './llm.js';

/** The rows of tables of rates, and what they show. */
export const llmRows: readonly (readonly [string, keyof LlmRates])[] = [
  ['decode behind 16 tokens', 'decodeAt16'],
  ['decode behind 1,000 tokens', 'decodeAt1000'],
  ['prefill of 512 tokens', 'prefillOf512'],
];
