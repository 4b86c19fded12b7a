import { CutpointError } from '@cutpoint/core';
import { type Sampling, sampleToken } from './sampling.js';

export interface DraftOptions {
  /** Tokens drafted at most. */
  readonly mostTokens: number;
  /** How many of the last tokens must have occurred before, together, for what followed them to be drafted. Default 2. */
  readonly leastMatch?: number;
  /** Longer matches than this count as this long. Default 8. */
  readonly mostMatch?: number;
}

/**
 * What may come next if the text repeats itself: the tokens that followed the earlier place with the longest match to the
 * end of the text, of equals the latest (prompt lookup: A. Saxena, "Prompt Lookup Decoding", 2023). Where they reach the end
 * of the text, the draft goes on with itself, as copies in LZ77 do: what repeats with a period is drafted in full length.
 * @returns no tokens where no place matches.
 */
export function draftOf(tokens: readonly number[], options: DraftOptions): number[] {
  const { mostTokens, leastMatch = 2, mostMatch = 8 } = options;
  let longest = Math.max(1, leastMatch) - 1;
  let next = -1;
  // From the latest place on, so that only a longer match is better.
  for (let place = tokens.length - 1; place > longest && longest < mostMatch; place--) {
    const length = matchOf(tokens, place, mostMatch);
    if (length > longest) [longest, next] = [length, place];
  }
  if (next < 0) return [];
  const draft: number[] = [];
  for (let i = 0; i < mostTokens; i++) {
    const place = next + i;
    draft.push((place < tokens.length ? tokens[place] : draft[place - tokens.length]) as number);
  }
  return draft;
}

/** How many tokens before `place` equal the last ones. */
function matchOf(tokens: readonly number[], place: number, most: number): number {
  let length = 0;
  while (length < most && length < place && tokens[place - 1 - length] === tokens[tokens.length - 1 - length]) length++;
  return length;
}

export interface Verified {
  /** What the text goes on with: as many tokens of the draft as were right, and one more, unless an end token came first. */
  readonly tokens: number[];
  /** How many of them were drafted; the cache holds that many tokens of the draft rightly and has to drop the others. */
  readonly accepted: number;
}

/**
 * Chooses tokens behind a text from one pass over its last token and a draft: each as if there were no draft, until one is
 * not what was drafted. A draw depends on logits, history, seed and position alone, so for greedy and for random choice alike
 * the text is the one without drafts (unlike with the acceptance by chance of Y. Leviathan et al., "Fast Inference from
 * Transformers via Speculative Decoding", 2022, which only keeps its distribution).
 * @param logits One row for the text's last token and one for each token of the draft.
 * @param history The tokens so far, prompt included; what is chosen is put behind them.
 * @param ends Tokens that end the text; nothing is chosen behind one.
 * @throws CutpointError CUT_RUN as `sampleToken`; CUT_INTERNAL if rows are missing.
 */
export function verifyDraft(
  logits: readonly Float32Array[],
  draft: readonly number[],
  history: readonly number[],
  sampling: Sampling,
  ends: ReadonlySet<number>,
): Verified {
  if (logits.length !== draft.length + 1) {
    const what = `A draft of ${draft.length} tokens came with ${logits.length} rows of logits.`;
    throw new CutpointError('CUT_INTERNAL', what);
  }
  const text = [...history];
  let accepted = 0;
  for (const row of logits) {
    const token = sampleToken(row, text, text.length, sampling);
    text.push(token);
    if (token !== draft[accepted]) break;
    accepted++;
    if (ends.has(token)) break;
  }
  return { tokens: text.slice(history.length), accepted };
}

/**
 * The same of tokens that were chosen elsewhere: one behind the text, and one behind each token of the draft as if all before it were
 * right.
 */
export function acceptDraft(chosen: readonly number[], draft: readonly number[], ends: ReadonlySet<number>): Verified {
  const last = chosen.findIndex((token, i) => token !== draft[i] || ends.has(token));
  const tokens = chosen.slice(0, last + 1);
  return { tokens, accepted: tokens.filter((token, i) => token === draft[i]).length };
}
