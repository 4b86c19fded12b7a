import { CutpointError } from '@cutpoint/core';
import { randomAt } from './counter-random.js';
import { largestIds } from './largest-ids.js';

/** How the next token is chosen. Each filter sees what the one before it left, in the order of these fields. */
export interface Sampling {
  /** Above 1, tokens of the history become less likely: positive logits are divided by it, others multiplied. 1: off. */
  readonly repetitionPenalty: number;
  /** Logits are divided by it. 0: always the largest logit, of equals the one with the lowest id; the rest counts nothing. */
  readonly temperature: number;
  /** Only so many of the most likely tokens; of equals the lower id is kept. 0: off. */
  readonly topK: number;
  /** Only the fewest of the most likely tokens that together have this share of the probability. 1: off. */
  readonly topP: number;
  /** Only tokens at least this share as likely as the most likely one. 0: off. */
  readonly minP: number;
  /** Whole, from 0 to 2^53 - 1. */
  readonly seed: number;
}

/** Greedy: the same text every time. */
export const greedySampling: Sampling = {
  repetitionPenalty: 1,
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  seed: 0,
};

/**
 * `greedySampling` with changes, checked.
 * @throws CutpointError CUT_USAGE for a value out of its range.
 */
export function samplingOf(changes: { readonly [Key in keyof Sampling]?: Sampling[Key] | undefined }): Sampling {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  const sampling: Sampling = { ...greedySampling, ...Object.fromEntries(given) };
  const { repetitionPenalty, temperature, topK, topP, minP, seed } = sampling;
  check('temperature', temperature, temperature >= 0 && temperature <= 100, 'from 0 to 100');
  check('topK', topK, Number.isSafeInteger(topK) && topK >= 0, 'a whole number, 0 for all tokens');
  check('topP', topP, topP > 0 && topP <= 1, 'more than 0 and at most 1');
  check('minP', minP, minP >= 0 && minP <= 1, 'from 0 to 1');
  check('repetitionPenalty', repetitionPenalty, repetitionPenalty > 0 && repetitionPenalty <= 100, 'above 0 to 100');
  check('seed', seed, Number.isSafeInteger(seed) && seed >= 0, 'a whole number from 0 to 2^53 - 1');
  return sampling;
}

function check(name: string, value: number, right: boolean, range: string): void {
  if (!right) throw new CutpointError('CUT_USAGE', `${name} is ${value}, but must be ${range}.`);
}

/**
 * The next token. What is drawn at a position depends on logits, history, seed and position alone. The draw goes through the
 * tokens that are left in the order of their ids, so that two that are almost equally likely may change places (as they do
 * where sums are taken in another order) without another token being drawn for that.
 * @param logits One per token of the vocabulary; `-Infinity` forbids a token.
 * @param history The tokens so far, prompt included: those that `repetitionPenalty` is about.
 * @param position How many tokens come before this one, prompt included.
 * @throws CutpointError CUT_RUN if the logits hold NaN or Infinity, or forbid every token.
 */
export function sampleToken(
  logits: Float32Array,
  history: readonly number[],
  position: number,
  sampling: Sampling,
): number {
  const scores = penalised(logits, history, sampling.repetitionPenalty);
  const best = largestId(scores);
  if (sampling.temperature === 0) return best;
  const { ids, weights } = leftBy(scores, scores[best] as number, sampling);
  const total = sumOf(weights);
  let left = randomAt(sampling.seed, position) * total;
  let last = best;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number;
    if (weight === 0) continue;
    last = ids[i] as number;
    left -= weight;
    if (left < 0) return last;
  }
  // Differences are rounded otherwise than sums: what is left over belongs to the last token.
  return last;
}

/** Divides or multiplies once per token, however often it occurred (N. Keskar et al., "CTRL", 2019). */
function penalised(logits: Float32Array, history: readonly number[], penalty: number): Float32Array {
  if (penalty === 1) return logits;
  const scores = logits.slice();
  for (const token of new Set(history)) {
    const score = scores[token];
    if (score !== undefined) scores[token] = score > 0 ? score / penalty : score * penalty;
  }
  return scores;
}

/** The id of the largest score, of equals the lowest. */
function largestId(scores: Float32Array): number {
  let best = -1;
  let most = -Infinity;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id] as number;
    if (score > most) {
      most = score;
      best = id;
    } else if (Number.isNaN(score)) {
      throw new CutpointError('CUT_RUN', `The logit of token ${id} is not a number: the model computed nonsense.`);
    }
  }
  if (best < 0 || most === Infinity) {
    throw new CutpointError('CUT_RUN', `The largest of ${scores.length} logits is ${most}: no token can be chosen.`);
  }
  return best;
}

interface Candidates {
  /** Ascending. */
  readonly ids: Uint32Array;
  /** Likelihoods that are not scaled to a sum of 1; the most likely token has 1. */
  readonly weights: Float64Array;
}

/** The tokens that all filters leave. Plain loops, as a vocabulary may have 150,000 tokens. */
function leftBy(scores: Float32Array, most: number, { temperature, topK, topP, minP }: Sampling): Candidates {
  const limited = topK > 0 && topK < scores.length;
  // Where minP alone filters, most tokens are told by their scores; the exact share is asked of those near it and above.
  const least = topP < 1 || minP === 0 ? -Infinity : most + temperature * (Math.log(minP) - 1e-6);
  let ids = limited ? largestIds(scores, topK).sort() : idsFrom(scores, least);
  const weigh = (): Float64Array => {
    const weights = new Float64Array(ids.length);
    for (let i = 0; i < ids.length; i++) {
      weights[i] = Math.exp(((scores[ids[i] as number] as number) - most) / temperature);
    }
    return weights;
  };
  let weights = weigh();
  if (topP < 1) {
    ids = nucleus(ids, weights, topP);
    weights = weigh();
  }
  if (minP > 0) {
    ids = ids.filter((_, i) => (weights[i] as number) >= minP);
    weights = weigh();
  }
  return { ids, weights };
}

/** The ids of scores that are at least so large, ascending. */
function idsFrom(scores: Float32Array, least: number): Uint32Array {
  const ids = new Uint32Array(scores.length);
  let count = 0;
  for (let id = 0; id < scores.length; id++) if ((scores[id] as number) >= least) ids[count++] = id;
  return ids.subarray(0, count);
}

/**
 * The fewest most likely of the tokens that have the share `topP` of the whole weight, by id (A. Holtzman et al., "The Curious
 * Case of Neural Text Degeneration", 2019). Tokens that all together have less than the rest, `1 - topP`, need no sorting.
 */
function nucleus(ids: Uint32Array, weights: Float64Array, topP: number): Uint32Array {
  const total = sumOf(weights);
  const negligible = ((1 - topP) * total) / weights.length / 2;
  const places: number[] = [];
  for (let place = 0; place < weights.length; place++) {
    if ((weights[place] as number) >= negligible) places.push(place);
  }
  places.sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b);
  let sum = 0;
  let kept = 0;
  while (kept < places.length && sum < topP * total) sum += weights[places[kept++] as number] as number;
  const nearest = places.slice(0, Math.max(1, kept));
  return Uint32Array.from(nearest, (place) => ids[place] as number).sort();
}

function sumOf(weights: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i] as number;
  return sum;
}
