import { CutpointError } from '@cutpoint/core';
import type { GgufVocabulary } from './gguf-vocabulary.js';

/** How a text is cut into words before BPE: `tokenizer.ggml.pre` names it. */
export interface WordSplit {
  /** Undefined: GPT-2's own, which the library has. */
  readonly pattern?: string;
  /** Every digit is a word. */
  readonly digits?: true;
  readonly normalizer?: 'NFC';
  /** A word that is a token is taken whole, whatever its merges. */
  readonly ignoreMerges?: true;
  readonly beginsByDefault: boolean;
}

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const spaces = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const others = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*';
const letters = '[^\\r\\n\\p{L}\\p{N}]?\\p{L}+';

const gpt2: WordSplit = { beginsByDefault: false };
const smollm: WordSplit = { digits: true, beginsByDefault: false };
const llama3: WordSplit = {
  pattern: `${contractions}|${letters}|\\p{N}{1,3}|${others}|${spaces}`,
  ignoreMerges: true,
  beginsByDefault: true,
};
const qwen2: WordSplit = {
  pattern: `${contractions}|${letters}|\\p{N}|${others}|${spaces}`,
  normalizer: 'NFC',
  beginsByDefault: false,
};
const upper = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const lower = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';
const before = '[^\\r\\n\\p{L}\\p{N}]?';
const tekken: WordSplit = {
  pattern: `${before}${upper}*${lower}+|${before}${upper}+${lower}*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${spaces}`,
  ignoreMerges: true,
  beginsByDefault: true,
};

/** Those of the supported families, by llama.cpp's names (`llm_load_vocab`); patterns are those of the models' tokenizer.json. */
const splits: Readonly<Record<string, WordSplit>> = {
  'gpt-2': gpt2,
  smollm,
  'llama-bpe': llama3,
  llama3,
  'llama-v3': llama3,
  qwen2,
  'deepseek-r1-qwen': qwen2,
  tekken,
};

/** @throws CutpointError CUT_TOKENIZER for words cut in a way that is not known. */
export function requireKnownSplit(name: string | undefined, source: string): WordSplit {
  if (name !== undefined && Object.hasOwn(splits, name)) {
    const split = splits[name];
    if (split !== undefined) return split;
  }
  const known = Object.keys(splits).join(', ');
  const stated = name === undefined ? 'is not stated (the file is too old)' : `"${name}" is not one of ${known}`;
  const message = `How the tokenizer of ${source} cuts words ${stated}: import the Hugging Face checkpoint instead.`;
  throw new CutpointError('CUT_TOKENIZER', message);
}

/** Normalizer, pre-tokenizer, model and decoder of a tokenizer.json for byte-level BPE. */
export function byteLevelParts({ tokens }: GgufVocabulary, merges: readonly string[], split: WordSplit): object {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true };
  const withOwnSplit = { ...byteLevel, use_regex: split.pattern === undefined };
  const first =
    split.pattern !== undefined
      ? { type: 'Split', pattern: { Regex: split.pattern }, behavior: 'Isolated', invert: false }
      : { type: 'Digits', individual_digits: true };
  const isPlain = split.pattern === undefined && split.digits === undefined;
  return {
    normalizer: split.normalizer ? { type: split.normalizer } : null,
    pre_tokenizer: isPlain ? withOwnSplit : { type: 'Sequence', pretokenizers: [first, withOwnSplit] },
    decoder: { ...byteLevel, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: split.ignoreMerges ?? false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map((merge) => splitMerge(merge)),
    },
  };
}

/** Two tokens with a space between; neither holds one, as bytes are written as visible characters. */
function splitMerge(merge: string): readonly [string, string] {
  const space = merge.indexOf(' ');
  return [merge.slice(0, space), merge.slice(space + 1)];
}
