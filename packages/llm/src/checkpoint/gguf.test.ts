import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CutpointError } from '@cutpoint/core';
import { gguf } from '@huggingface/gguf';
import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { floatsOf, relativeError } from '../package/package-floats.testing.js';
import type { StoredWeight } from '../package/package-manifest.js';
import { readGgufHeader } from './gguf-header.js';
import { GgufMetadata } from './gguf-metadata.js';
import { ggufTokenizer } from './gguf-tokenizer.js';
import { importCheckpoint } from './import-checkpoint.js';
import { openCheckpoint } from './open-checkpoint.js';
import { sentencePieceSamples } from './sentencepiece-samples.testing.js';
import { smallCheckpoint } from './small-checkpoints.testing.js';
import { type GgufBytes, type GgufEntry, ggufBytes, ggufMetadata, ggufTensors } from './small-gguf.testing.js';
import { openSource } from './source-file.js';
import { encodings } from './tensor-encoding.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gguf-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

const fileOf = (name: string, bytes: Uint8Array) => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

const wren = fileURLToPath(new URL('../../../../../shared/models/lm/wren-7m/', import.meta.url));
const missing = !existsSync(wren);

describe.skipIf(missing)(`the header of a GGUF file${missing ? ' (../shared/models/lm is missing)' : ''}`, () => {
  it('is read as @huggingface/gguf reads it', async () => {
    const path = join(wren, 'wren-7m-q4_0.gguf');
    const theirs = await gguf(path, { allowLocalFile: true });
    await using file = await openSource(path);
    const { metadata, tensors } = await readGgufHeader(file);
    const values: Readonly<Record<string, unknown>> = { ...theirs.metadata };
    for (const [key, value] of metadata) expect(value, key).toEqual(values[key]);
    expect(metadata.size).toBe(Object.keys(values).length - 3);
    const expected = theirs.tensorInfos.map(({ name, shape, dtype, offset }) => ({
      name,
      shape: shape.map(Number).reverse(),
      type: dtype,
      offset: Number(theirs.tensorDataOffset + offset),
    }));
    expect(tensors).toEqual(expected);
  });
});

describe('a GGUF file', () => {
  const checkpoint = smallCheckpoint('llama');
  const whole = () => ggufBytes(ggufMetadata('llama'), ggufTensors('llama', checkpoint, 'F32'));

  it('is refused in one sentence wherever it ends, and opens when it is whole', async () => {
    const bytes = whole();
    await using opened = await openCheckpoint(fileOf('whole.gguf', bytes));
    expect(opened.config.layers).toBe(7);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: bytes.length - 64 }), async (length) => {
        const cut = openCheckpoint(fileOf('cut.gguf', bytes.subarray(0, length)));
        await expect(cut).rejects.toMatchObject({ code: 'CUT_CHECKPOINT' });
      }),
      { numRuns: 60 },
    );
  });

  it('with any changed bytes opens or is refused with a code, never otherwise', async () => {
    const bytes = whole();
    const change = fc.record({ at: fc.integer({ min: 0, max: 8000 }), value: fc.integer({ min: 0, max: 255 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const copy = Buffer.from(bytes);
        for (const { at, value } of changes) copy[at] = value;
        try {
          await using _ = await openCheckpoint(fileOf('changed.gguf', copy));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(CutpointError);
          expect((thrown as CutpointError).code).toMatch(/^CUT_(CHECKPOINT|TOKENIZER)$/);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('that claims more than it has is not believed', async () => {
    const claims = (tensors: bigint, values: bigint, rest: Buffer = Buffer.alloc(64)) => {
      const start = Buffer.alloc(24);
      start.write('GGUF');
      start.writeUInt32LE(3, 4);
      start.writeBigUInt64LE(tensors, 8);
      start.writeBigUInt64LE(values, 16);
      return openCheckpoint(fileOf('claims.gguf', Buffer.concat([start, rest])));
    };
    await expect(claims(2n ** 50n, 0n)).rejects.toThrow(/claims 1125899906842624 tensors/);
    await expect(claims(0n, 2n ** 40n)).rejects.toThrow(/claims 1099511627776 values of metadata/);
    const longText = Buffer.alloc(64);
    longText.writeBigUInt64LE(2n ** 33n);
    await expect(claims(0n, 1n, longText)).rejects.toThrow(/claims 8589934592 bytes of a text/);
    longText.writeBigUInt64LE(3_000_000n);
    await expect(claims(0n, 1n, longText)).rejects.toThrow(/ends within its header/);
    // Each array alone is no longer than the longest that there are, but all of them would take gigabytes.
    const half = Buffer.alloc(25 + 2_500_000);
    half.writeBigUInt64LE(1n);
    half.writeUInt32LE(9, 9);
    half.writeBigUInt64LE(2_500_000n, 17);
    await expect(claims(0n, 2n, Buffer.concat([half, half]))).rejects.toThrow(/claims 2500000 elements of an array/);
  });

  const refused = async (metadata: Record<string, GgufEntry>, tensors?: readonly GgufBytes[]) =>
    await openCheckpoint(
      fileOf(
        'refused.gguf',
        ggufBytes({ ...ggufMetadata('llama'), ...metadata }, tensors ?? ggufTensors('llama', checkpoint, 'F32')),
      ),
    );

  it.each<[string, Record<string, GgufEntry>, RegExp]>([
    ['another architecture', { 'general.architecture': ['text', 'rwkv'] }, /architecture "rwkv" is not one of llama/],
    ['experts', { 'llama.expert_count': ['u32', 8] }, /it has experts/],
    [
      'a number where text should be',
      { 'tokenizer.ggml.pre': ['u32', 1] },
      /states tokenizer\.ggml\.pre, but not as a text/,
    ],
    ['a part of several files', { 'split.count': ['u32', 3] }, /llama-gguf-split --merge/],
    ['ropes scaled otherwise', { 'llama.rope.freq_base': ['f32', 10_000] }, /not that of Llama 3/],
    ['words cut otherwise', { 'tokenizer.ggml.pre': ['text', 'chameleon'] }, /"chameleon" is not one of/],
    ['another tokenizer', { 'tokenizer.ggml.model': ['text', 'bert'] }, /"bert", which is not supported/],
    [
      'fewer tokens',
      { 'tokenizer.ggml.tokens': ['texts', ['a']], 'tokenizer.ggml.token_type': ['i32s', [1]] },
      /has 1 tokens/,
    ],
  ])('with %s is refused', async (_, metadata, sentence) => {
    await expect(refused(metadata)).rejects.toThrow(sentence);
  });

  it('with a tensor of a type that cannot be read, or none, is refused by its name', async () => {
    const tensors = ggufTensors('llama', checkpoint, 'F32');
    const other = tensors.map((tensor) => (tensor.name === 'blk.5.ffn_up.weight' ? { ...tensor, type: 10 } : tensor));
    await expect(refused({}, other)).rejects.toThrow(/blk\.5\.ffn_up\.weight of .* is of ggml's type Q2_K/);
    const fewer = tensors.filter(({ name }) => name !== 'blk.6.attn_k.weight');
    await expect(refused({}, fewer)).rejects.toThrow(/has no tensor blk\.6\.attn_k\.weight/);
  });
});

describe('a GGUF file of mixed types', () => {
  /** Wide enough for blocks of 256. */
  const dims = { hidden: 256, ffn: 256, keys: 128, vocabulary: 48 };

  it('keeps Q4_0 and Q8_0, also side by side, and rounds the others to the next width', async () => {
    const { hidden, ffn, keys, vocabulary } = dims;
    const tensors = [
      block('token_embd.weight', 14, 'q6_k', vocabulary, hidden),
      vector('output_norm.weight', hidden),
      vector('blk.0.attn_norm.weight', hidden),
      block('blk.0.attn_q.weight', 2, 'q4_0', hidden, hidden),
      block('blk.0.attn_k.weight', 2, 'q4_0', keys, hidden),
      block('blk.0.attn_v.weight', 8, 'q8_0', keys, hidden),
      block('blk.0.attn_output.weight', 12, 'q4_k', hidden, hidden),
      vector('blk.0.ffn_norm.weight', hidden),
      block('blk.0.ffn_gate.weight', 2, 'q4_0', ffn, hidden),
      block('blk.0.ffn_up.weight', 2, 'q4_0', ffn, hidden),
      block('blk.0.ffn_down.weight', 13, 'q5_k', hidden, ffn),
    ];
    const metadata: Record<string, GgufEntry> = {
      ...ggufMetadata('smollm'),
      'llama.block_count': ['u32', 1],
      'llama.embedding_length': ['u32', hidden],
      'llama.feed_forward_length': ['u32', ffn],
      'llama.attention.key_length': ['u32', 64],
      'llama.attention.value_length': ['u32', 64],
    };
    const source = fileOf('mixed.gguf', ggufBytes(metadata, tensors));
    const load = (name: string, bits: 32 | null) =>
      importCheckpoint({ source, folder: join(folder, name), bits, block: null });
    const [kept, exact] = [await load('kept', null), await load('exact', 32)];
    const [layer, exactLayer] = [kept.layers[0], exact.layers[0]];
    if (layer === undefined || exactLayer === undefined) throw new Error('there is one layer');
    const widths = { ...layer.weights, matrix: kept.head.weights.matrix, table: kept.embedding.weights.table };
    const bitsOf = (weight: StoredWeight | undefined) =>
      weight?.kind === 'blocks' ? [weight.bits, weight.block] : undefined;
    expect(bitsOf(widths.qkv)).toEqual([8, 32]);
    expect(bitsOf(widths.gateUp)).toEqual([4, 32]);
    expect(bitsOf(widths.out)).toEqual([4, 32]);
    expect(bitsOf(widths.down)).toEqual([8, 32]);
    expect(bitsOf(widths.matrix)).toEqual([8, 32]);
    expect(bitsOf(widths.table)).toEqual([8, 32]);
    const error = (name: string) =>
      relativeError(floatsOf(join(folder, 'kept'), layer, name), floatsOf(join(folder, 'exact'), exactLayer, name));
    expect(error('qkv')).toBe(0);
    expect(error('gateUp')).toBe(0);
    expect(error('out')).toBeLessThan(0.12);
    expect(error('down')).toBeLessThan(0.008);
    for (const name of ['blk.0.ffn_up.weight', 'blk.0.attn_v.weight']) {
      // A scale that is not a number, of a block that is kept as it is.
      const damaged = tensors.map((tensor) =>
        tensor.name === name ? { ...tensor, bytes: tensor.bytes.slice() } : tensor,
      );
      damaged.find((tensor) => tensor.name === name)?.bytes.fill(0x7f, 0, 2);
      const importing = importCheckpoint({
        source: fileOf('damaged.gguf', ggufBytes(metadata, damaged)),
        folder: join(folder, 'damaged'),
        bits: null,
        block: null,
      });
      await expect(importing).rejects.toMatchObject({
        code: 'CUT_CHECKPOINT',
        message: expect.stringContaining(`${name} holds NaN`),
      });
    }
  });

  function block(
    name: string,
    type: number,
    encoding: keyof typeof encodings,
    rows: number,
    columns: number,
  ): GgufBytes {
    const { elements, bytes } = encodings[encoding];
    let state = type + rows;
    const data = Uint8Array.from({ length: ((rows * columns) / elements) * bytes }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 16;
    });
    // Scales of about 1, some of them negative, where random bits would be anything.
    const halves = encoding === 'q6_k' ? [208] : encoding === 'q4_k' || encoding === 'q5_k' ? [0, 2] : [0];
    for (let at = 0; at < data.length; at += bytes) {
      for (const half of halves) data[at + half + 1] = (data[at + half + 1] ?? 0) % 2 === 0 ? 0x3c : 0xbc;
    }
    return { name, type, shape: [rows, columns], bytes: data };
  }

  function vector(name: string, size: number): GgufBytes {
    return { name, type: 0, shape: [size], bytes: new Uint8Array(new Float32Array(size).fill(1).buffer) };
  }
});

describe('tokenizers of GGUF files', () => {
  const tokenizerOf = (metadata: Record<string, GgufEntry>) => {
    const values = new Map(Object.entries(metadata).map(([key, [, value]]) => [key, value]));
    const files = ggufTokenizer(new GgufMetadata('a.gguf', values));
    const [tokenizer, config] = files.map(({ content }): object => JSON.parse(new TextDecoder().decode(content)));
    return { tokenizer: new Tokenizer(tokenizer ?? {}, config ?? {}), config };
  };

  it.each(sentencePieceSamples)(
    'give the ids of SentencePiece (space before: $spaceBefore)',
    ({ spaceBefore, pieces, texts }) => {
      const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`);
      const own = pieces.split(' ');
      const tokens = ['<unk>', '<s>', '</s>', '<turn>', ...bytes, ...own];
      const { tokenizer } = tokenizerOf({
        'tokenizer.ggml.model': ['text', 'llama'],
        'tokenizer.ggml.tokens': ['texts', tokens],
        'tokenizer.ggml.scores': ['f32s', tokens.map((_, id) => Math.min(0, 260 - id))],
        'tokenizer.ggml.token_type': ['i32s', [2, 3, 3, 4, ...bytes.map(() => 6), ...own.map(() => 1)]],
        'tokenizer.ggml.bos_token_id': ['u32', 1],
        'tokenizer.ggml.eos_token_id': ['u32', 2],
        'tokenizer.ggml.unknown_token_id': ['u32', 0],
        'tokenizer.ggml.add_space_prefix': ['bool', spaceBefore],
      });
      for (const [text, ids] of texts) {
        expect(tokenizer.encode(text).ids, text).toEqual([1, ...ids]);
        expect(tokenizer.decode([...ids])).toBe(text);
      }
    },
  );

  const byteLevel = (pre: string, more: Record<string, GgufEntry> = {}) =>
    tokenizerOf({
      'tokenizer.ggml.model': ['text', 'gpt2'],
      'tokenizer.ggml.pre': ['text', pre],
      'tokenizer.ggml.tokens': [
        'texts',
        ['<|begin|>', '<|end|>', ...'0123456789abcde', 'Ġ', '12', '123', '1234', 'ab', 'abc', 'Ġa'],
      ],
      'tokenizer.ggml.token_type': ['i32s', [3, 3, ...Array(22).fill(1)]],
      'tokenizer.ggml.merges': ['texts', ['1 2', '12 3', '123 4', 'a b', 'Ġ a']],
      'tokenizer.ggml.bos_token_id': ['u32', 0],
      'tokenizer.ggml.eos_token_id': ['u32', 1],
      ...more,
    });

  it('cut digits as the model does', () => {
    const tokens = (pre: string) => byteLevel(pre).tokenizer.tokenize('1234 a', { add_special_tokens: false });
    expect(tokens('gpt-2')).toEqual(['1234', 'Ġa']);
    expect(tokens('llama-bpe')).toEqual(['123', '4', 'Ġa']);
    expect(tokens('qwen2')).toEqual(['1', '2', '3', '4', 'Ġa']);
    expect(tokens('smollm')).toEqual(['1', '2', '3', '4', 'Ġa']);
  });

  it('take a word that is a token whole where the model does', () => {
    const tokens = (pre: string) => byteLevel(pre).tokenizer.tokenize('abc', { add_special_tokens: false });
    expect(tokens('llama-bpe')).toEqual(['abc']);
    expect(tokens('gpt-2')).toEqual(['ab', 'c']);
  });

  it('begin texts where the file says so, or else its kind', () => {
    const first = (pre: string, more?: Record<string, GgufEntry>) => byteLevel(pre, more).tokenizer.encode('a').ids;
    expect(first('llama-bpe')).toEqual([0, 12]);
    expect(first('qwen2')).toEqual([12]);
    expect(first('qwen2', { 'tokenizer.ggml.add_bos_token': ['bool', true] })).toEqual([0, 12]);
    expect(first('llama-bpe', { 'tokenizer.ggml.add_bos_token': ['bool', false] })).toEqual([12]);
    expect(byteLevel('qwen2').tokenizer.encode('a<|end|>').ids).toEqual([12, 1]);
  });

  it('are refused with a token so long that looking for its merges would not end', () => {
    const tokens = ['<unk>', 'a'.repeat(513)];
    const metadata: Record<string, GgufEntry> = {
      'tokenizer.ggml.model': ['text', 'llama'],
      'tokenizer.ggml.tokens': ['texts', tokens],
      'tokenizer.ggml.scores': ['f32s', [0, 0]],
    };
    expect(() => tokenizerOf(metadata)).toThrow(/has 513 characters/);
  });

  it('carry the chat template', () => {
    const template = '{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}';
    const { config } = byteLevel('qwen2', { 'tokenizer.chat_template': ['text', template] });
    expect(config).toMatchObject({ chat_template: template, bos_token: '<|begin|>', eos_token: '<|end|>' });
  });
});
