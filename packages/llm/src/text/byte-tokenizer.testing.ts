import { byteOfCharacter } from './byte-alphabet.js';

export const special = (id: number, content: string) => ({
  id,
  content,
  special: true,
  normalized: false,
  lstrip: false,
  rstrip: false,
  single_word: false,
});

/** Bytes, and nothing merged: the smallest byte-level vocabulary. */
export const byteLevel = {
  version: '1.0',
  added_tokens: [special(256, '<s>'), special(257, '</s>'), { ...special(258, '<think>'), special: false }],
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
  post_processor: null,
  decoder: { type: 'ByteLevel' },
  model: { type: 'BPE', vocab: Object.fromEntries(byteOfCharacter), merges: [] },
};
