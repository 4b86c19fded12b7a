import type { CancelSignal } from '@cutpoint/core';
import { draftOf, verifyDraft } from '../text/drafts.js';
import { greedySampling, type Sampling } from '../text/sampling.js';
import type { Decoder } from './decoder.js';

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
  readonly signal?: CancelSignal;
}

/**
 * Continues a prompt, token by token. The sequence is closed when the loop ends.
 * @throws CutpointError as `DecoderRange.forward` and `sampleToken`.
 */
export async function* generate(decoder: Decoder, request: GenerateRequest): AsyncGenerator<number> {
  const { layers } = decoder;
  const { sampling = greedySampling, draftTokens = 0 } = request;
  // The last token need not be run. A prompt that is too long itself is refused by its first pass.
  const room = Math.max(1, layers.config.contextTokens - request.prompt.length + 1);
  const maxTokens = Math.min(request.maxTokens, room);
  const ends = new Set(request.endTokens ?? layers.config.endTokens);
  const signal = request.signal === undefined ? {} : { signal: request.signal };
  const sequence = layers.sequence();
  try {
    const text = [...request.prompt];
    let next: readonly number[] = text;
    let draft: readonly number[] = [];
    for (let given = 0; given < maxTokens; ) {
      const all = await decoder.logits(sequence, [...next, ...draft], {
        logits: draft.length > 0 ? 'all' : 'last',
        ...signal,
      });
      const { tokens, accepted } = verifyDraft(
        lastRows(all, draft.length + 1, layers.config.vocabularySize),
        draft,
        text,
        sampling,
        ends,
      );
      if (accepted < draft.length) layers.truncate(sequence, text.length + accepted);
      for (const token of tokens) {
        if (ends.has(token) || given === maxTokens) return;
        yield token;
        given += 1;
      }
      text.push(...tokens);
      next = text.slice(-1);
      draft = draftFor(text, Math.min(draftTokens, maxTokens - given - 1, layers.config.contextTokens - text.length));
    }
  } finally {
    layers.drop(sequence);
  }
}

function draftFor(text: readonly number[], mostTokens: number): readonly number[] {
  return mostTokens > 0 ? draftOf(text, { mostTokens }) : [];
}

function lastRows(logits: Float32Array, rows: number, size: number): Float32Array[] {
  const from = logits.length - rows * size;
  return Array.from({ length: rows }, (_, row) => logits.subarray(from + row * size, from + (row + 1) * size));
}
