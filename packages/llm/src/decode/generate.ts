import type { CancelSignal } from '@cutpoint/core';
import { draftOf } from '../text/drafts.js';
import { greedySampling, type Sampling } from '../text/sampling.js';
import type { NextTokens, TokenDecoder } from './token-decoder.js';

export interface GenerateRequest {
  readonly prompt: readonly number[];
  /** At most; the text also ends where the model's context does. */
  readonly maxTokens: number;
  /** Default: greedy. */
  readonly sampling?: Sampling;
  /** Tokens that end the text; they are not given out. Default: the model's. */
  readonly endTokens?: readonly number[];
  /**
   * Tokens that are guessed from the text so far and verified in one pass, at most. The text is the one without, unless two
   * tokens are so close that the rounding of a pass over several decides. Default 0.
   */
  readonly draftTokens?: number;
  /**
   * A sequence that holds the beginning of the prompt, and less than all of it; it is kept, and then holds what was run.
   * Default: a new one, which is dropped at the end.
   */
  readonly sequence?: number;
  readonly signal?: CancelSignal;
}

/**
 * Continues a prompt. Each pass gives a token, or several where a draft was right; none where the text ends with it.
 * @throws CutpointError as `TokenDecoder.next`.
 */
export async function* generate(decoder: TokenDecoder, request: GenerateRequest): AsyncGenerator<NextTokens> {
  const sequence = request.sequence ?? decoder.sequence();
  try {
    yield* passes(decoder, sequence, request);
  } finally {
    if (request.sequence === undefined) decoder.drop(sequence);
  }
}

async function* passes(decoder: TokenDecoder, sequence: number, request: GenerateRequest): AsyncGenerator<NextTokens> {
  const { sampling = greedySampling, draftTokens = 0, signal } = request;
  const { contextTokens, endTokens } = decoder.config;
  // The last token need not be run. A prompt that is too long itself is refused by its first pass.
  const room = Math.max(1, contextTokens - request.prompt.length + 1);
  const maxTokens = Math.min(request.maxTokens, room);
  const ends = new Set(request.endTokens ?? endTokens);
  const text = [...request.prompt];
  let draft: readonly number[] = [];
  for (let given = 0; given < maxTokens; ) {
    const step = { text, draft, sampling, ends, ...(signal === undefined ? {} : { signal }) };
    const next = await decoder.next(sequence, step);
    const ended = next.tokens.some((token) => ends.has(token));
    const tokens = next.tokens.filter((token) => !ends.has(token)).slice(0, maxTokens - given);
    yield { ...next, tokens };
    if (ended) return;
    given += tokens.length;
    text.push(...next.tokens);
    draft = draftFor(text, Math.min(draftTokens, maxTokens - given - 1, contextTokens - text.length));
  }
}

function draftFor(text: readonly number[], mostTokens: number): readonly number[] {
  return mostTokens > 0 ? draftOf(text, { mostTokens }) : [];
}
