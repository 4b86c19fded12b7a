import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteLevel, special } from './byte-tokenizer.testing.js';
import type { TextOptions, Tokenizer } from './tokenizer.js';
import { readTokenizerFiles } from './tokenizer-files.js';
import { createTokenizer } from './watched-text.js';
import { wrenFolder, wrenIsHere } from './wren.testing.js';

/** As Llama 2 has it: a sign for the blank, tokens for single bytes, a blank put before the text. */
const sentencePiece = {
  version: '1.0',
  added_tokens: [special(0, '<unk>'), special(1, '<s>'), special(2, '</s>')],
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'Prepend', prepend: '\u2581' },
      { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' },
    ],
  },
  pre_tokenizer: null,
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [],
    special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
  },
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  },
  model: {
    type: 'BPE',
    unk_token: '<unk>',
    byte_fallback: true,
    vocab: Object.fromEntries(
      [
        '<unk>',
        '<s>',
        '</s>',
        ...Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
        ...['\u2581', 'a', 'b', '\u2581a', '\u2581ab', 'ab', 'é'],
      ].map((token, id) => [token, id]),
    ),
    merges: ['\u2581 a', 'a b', '\u2581a b'],
  },
};

const streamed = (tokenizer: Tokenizer, ids: readonly number[], options?: TextOptions) => {
  const stream = tokenizer.stream(options);
  return [...ids.map((id) => stream.push(id)), stream.end()];
};

const vocabularies = [
  ['of bytes', byteLevel, 259],
  ['with a sign for the blank', sentencePiece, 266],
] as const;

describe.each(vocabularies)('a tokenizer %s', (_, data, size) => {
  const tokenizer = createTokenizer(data, {}, size);
  const library = new LibraryTokenizer(data, {});

  it('gives the ids and the text of the library', () => {
    const texts = fc.string({
      unit: fc.constantFrom('a', 'b', ' ', 'é', '\u{1f600}', '\n', '</s>', '.'),
      minLength: 1,
    });
    fc.assert(
      fc.property(texts, fc.boolean(), (text, add) => {
        const ids = tokenizer.encode(text, { special: add });
        expect(ids).toEqual(library.encode(text, { add_special_tokens: add }).ids);
        expect(tokenizer.decode(ids, { special: true })).toBe(
          library.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false }),
        );
      }),
    );
  });

  it('shows of any ids what the library shows of all of them together', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: size - 1 }), { minLength: 1 }), fc.boolean(), (ids, show) => {
        expect(tokenizer.size).toBe(size);
        expect(streamed(tokenizer, ids, { special: show }).join('')).toBe(
          library.decode(ids, { skip_special_tokens: !show, clean_up_tokenization_spaces: false }),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('shows a character with its last byte, and no half of one before', () => {
    const ids = tokenizer.encode('é\u{1f600}', { special: false }).filter((id) => id !== 259);
    const texts = streamed(tokenizer, ids);
    expect(texts.filter((text) => text !== '')).toEqual(['é', '\u{1f600}']);
    expect(texts.indexOf('\u{1f600}')).toBe(ids.length - 1);
    expect(streamed(tokenizer, ids.slice(0, -1)).slice(-1)).toEqual(['\ufffd']);
  });
});

describe('a text that goes on behind another', () => {
  it('keeps the blank at its start, which at the start of a text the tokenizer put there', () => {
    const tokenizer = createTokenizer(sentencePiece, {}, 266);
    const ids = tokenizer.encode('ab a');
    expect(ids).toEqual([1, 263, 262]);
    expect(tokenizer.decode(ids)).toBe('ab a');
    expect(tokenizer.decode(ids, { continues: true })).toBe(' ab a');
    expect(tokenizer.decode(ids, { special: true })).toBe('<s> ab a');
  });
});

describe('a tokenizer', () => {
  it('knows its tokens by name, and has no text for an id without a token', () => {
    const tokenizer = createTokenizer(byteLevel, {}, 1_000);
    expect([tokenizer.idOf('</s>'), tokenizer.idOf('nothing')]).toEqual([257, undefined]);
    expect(tokenizer.decode([999, 72, 258, 257])).toBe('H<think>');
  });

  it('never takes blanks away from before full stops', () => {
    const tokenizer = createTokenizer(byteLevel, { clean_up_tokenization_spaces: true }, 259);
    expect(tokenizer.decode(tokenizer.encode("it 's so ."))).toBe("it 's so .");
  });

  it.each<[string, unknown, RegExp]>([
    ['no object', 'text', /wrong at its start/],
    ['no vocabulary', { ...byteLevel, model: { type: 'BPE' } }, /model\.vocab/],
    ['an id out of range', { ...byteLevel, added_tokens: [special(2 ** 31, '<s>')] }, /added_tokens\.0\.id/],
    ['another decoder', { ...byteLevel, decoder: { type: 'CTC' } }, /not known: \{"type":"CTC"\}/],
    ['no decoder', { ...byteLevel, decoder: null }, /not known/],
    ['another pre-tokenizer', { ...byteLevel, pre_tokenizer: { type: 'Magic' } }, /not supported.*Magic/],
    ['no merges', { ...byteLevel, model: { type: 'BPE', vocab: { a: 0 } } }, /not supported/],
  ])('is refused with %s', (_, data, message) => {
    expect(() => createTokenizer(data, {}, 259)).toThrow(expect.objectContaining({ code: 'CUT_TOKENIZER' }));
    expect(() => createTokenizer(data, {}, 259)).toThrow(message);
  });

  it('is refused where it does not fit the vocabulary of the model', () => {
    expect(() => createTokenizer(byteLevel, {}, 258)).toThrow(/ids up to 258, but the model's vocabulary only 258/);
  });

  it('refuses a text that is too long, or that needs a token it does not have', () => {
    const input = expect.objectContaining({ code: 'CUT_INPUT' });
    const tokenizer = createTokenizer(byteLevel, {}, 259);
    expect(() => tokenizer.encode('x'.repeat(2 ** 22 + 1))).toThrow(input);
    const narrow = {
      ...byteLevel,
      pre_tokenizer: null,
      model: { type: 'BPE', vocab: { a: 0 }, unk_token: '?', merges: [] },
    };
    expect(() => createTokenizer(narrow, {}, 259).encode('ab')).toThrow(/the token "\?", which/);
  });

  it('ends with one sentence where its rules take for ever, or are none', () => {
    const split = { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Isolated', invert: false };
    const slow = createTokenizer({ ...byteLevel, pre_tokenizer: split }, {}, 259);
    const refused = (message: RegExp) =>
      expect.objectContaining({ code: 'CUT_TOKENIZER', message: expect.stringMatching(message) });
    expect(() => slow.encode(`${'a'.repeat(40)}b`)).toThrow(refused(/took more than 2041 ms/));
    const broken = { type: 'TemplateProcessing', single: [1.5], pair: [], special_tokens: {} };
    const strange = createTokenizer({ ...byteLevel, post_processor: broken }, {}, 259);
    expect(() => strange.encode('a')).toThrow(refused(/cannot encode a text/));
  });
});

describe('the files of a tokenizer', () => {
  it('are read from a folder, and those that may be absent may be', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cutpoint-tokenizer-'));
    try {
      const refused = expect.objectContaining({ code: 'CUT_TOKENIZER' });
      await expect(readTokenizerFiles(folder)).rejects.toThrow(refused);
      await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(byteLevel));
      expect(await readTokenizerFiles(folder)).toEqual({ tokenizer: byteLevel, config: {}, template: undefined });
      await writeFile(join(folder, 'chat_template.jinja'), 'hello');
      await writeFile(join(folder, 'tokenizer_config.json'), '{"bos_token":"<s>"}');
      expect(await readTokenizerFiles(folder)).toMatchObject({ config: { bos_token: '<s>' }, template: 'hello' });
      await writeFile(join(folder, 'tokenizer_config.json'), '{');
      await expect(readTokenizerFiles(folder)).rejects.toThrow(refused);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe.skipIf(!wrenIsHere)('the tokenizer of wren-7m (skipped without ../shared/models)', () => {
  it('gives the prompts of golden.json their tokens, and a text back as it was', async () => {
    const files = await readTokenizerFiles(wrenFolder);
    const tokenizer = createTokenizer(files.tokenizer, files.config, 2_048);
    const golden = JSON.parse(readFileSync(join(wrenFolder, 'golden.json'), 'utf8')) as {
      prompts: { text: string; promptTokens: number[]; tokens: number[] }[];
    };
    expect(golden.prompts.length).toBeGreaterThan(3);
    const library = new LibraryTokenizer(files.tokenizer as object, files.config as object);
    for (const { text, promptTokens, tokens } of golden.prompts) {
      expect(tokenizer.encode(text)).toEqual(promptTokens);
      expect(tokenizer.encode(text, { special: false })).toEqual(promptTokens.slice(1));
      expect(streamed(tokenizer, tokens).join('')).toBe(
        library.decode(tokens, { clean_up_tokenization_spaces: false }),
      );
    }
    const text = readFileSync(join(wrenFolder, 'val.txt'), 'utf8');
    const ids = tokenizer.encode(text);
    expect(ids).toEqual(library.encode(text).ids);
    expect(tokenizer.decode(ids)).toBe(text);
  });
});
