import { CutpointError } from '@cutpoint/core';
import type { GgufVocabulary } from './gguf-vocabulary.js';

/** Each of its places is looked at, and SentencePiece itself makes none of more than 16 characters unless it is told to. */
const longestToken = 512;

/** A token that two others make, and how early. */
interface Merge {
  readonly left: string;
  readonly right: string;
  readonly score: number;
}

/**
 * Normalizer, pre-tokenizer, model and decoder of a tokenizer.json for a SentencePiece vocabulary of kind BPE, with bytes
 * for what no token spells. SentencePiece has scores instead of merges: of all ways to make a token from two others each is
 * a merge, those of higher scores first (as the converter of the transformers library does it).
 * @param spaceBefore whether a text gets a space before it, which a decoded text loses again.
 */
export function sentencePieceParts(
  vocabulary: GgufVocabulary,
  scores: readonly number[],
  unknown: string,
  spaceBefore: boolean,
): object {
  const { tokens } = vocabulary;
  requireShort(tokens);
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const space = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
  const spaceBack = { type: 'Replace', pattern: { String: '▁' }, content: ' ' };
  const decoders = [spaceBack, { type: 'ByteFallback' }, { type: 'Fuse' }];
  return {
    normalizer: { type: 'Sequence', normalizers: spaceBefore ? [{ type: 'Prepend', prepend: '▁' }, space] : [space] },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: spaceBefore ? [...decoders, { type: 'Strip', content: ' ', start: 1, stop: 0 }] : decoders,
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: unknown,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(ids),
      merges: mergesOf(ids, scores).map(({ left, right }) => [left, right]),
    },
  };
}

function requireShort(tokens: readonly string[]): void {
  const long = tokens.find(({ length }) => length > longestToken);
  if (long === undefined) return;
  const message = `A token of the vocabulary has ${long.length} characters, more than the ${longestToken} that merges are looked for in: download the file again.`;
  throw new CutpointError('CUT_TOKENIZER', message);
}

function mergesOf(ids: ReadonlyMap<string, number>, scores: readonly number[]): readonly Merge[] {
  const merges: Merge[] = [];
  for (const [token, id] of ids) {
    const own: Merge[] = [];
    const score = scores[id] ?? 0;
    for (let i = 1; i < token.length; i++) {
      const [left, right] = [token.slice(0, i), token.slice(i)];
      if (ids.has(left) && ids.has(right)) own.push({ left, right, score });
    }
    own.sort((a, b) => (ids.get(a.left) ?? 0) - (ids.get(b.left) ?? 0));
    merges.push(...own);
  }
  return merges.sort((a, b) => b.score - a.score || b.left.length - a.left.length || b.right.length - a.right.length);
}
