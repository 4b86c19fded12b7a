import { defaultHttpLimits, type HttpLimits } from '@cutpoint/http';
import type { InferLimits } from './infer-request.js';

/** Everything that a caller who asks models could make grow or last has a limit. */
export interface InferenceLimits extends HttpLimits, InferLimits {
  /** Largest body of an inference request. */
  readonly maxBodyBytes: number;
  /** How long, how many and how large answers are kept for requests that come again with the same id. */
  readonly retryWindowMs: number;
  readonly maxKeptAnswers: number;
  readonly maxKeptBytes: number;
}

const mib = 1024 ** 2;

/** The limits where nothing else is set. */
export const defaultInferenceLimits: InferenceLimits = {
  ...defaultHttpLimits,
  maxBodyBytes: 64 * mib,
  maxJsonBytes: 16 * mib,
  maxElements: 64 * mib,
  retryWindowMs: 60_000,
  maxKeptAnswers: 10_000,
  maxKeptBytes: 64 * mib,
};
