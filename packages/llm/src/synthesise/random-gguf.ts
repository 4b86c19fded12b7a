import { createCipheriv } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { asCutpointError, type CancelSignal, throwIfCancelled } from '@cutpoint/core';
import type { DecoderConfig } from '../architecture/decoder-config.js';

/** Types of values and tensors in GGUF (ggml's docs/gguf.md). */
const types = { u32: 4, i32: 5, f32: 6, string: 8, array: 9 } as const;
const tensorTypes = { f32: 0, q4_0: 2 } as const;
/** Of Q4_0: 32 weights in 18 bytes, an f16 scale first. */
const block = { weights: 32, bytes: 18 };
const alignment = 32;

interface GgufTensor {
  readonly name: string;
  readonly kind: keyof typeof tensorTypes;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Writes a GGUF file of random weights in Q4_0 for a decoder of Llama's architecture, to measure other engines with: always
 * the same bytes. Its vocabulary is made up.
 * @throws CutpointError CUT_FILE_WRITE, CUT_CANCELLED
 */
export async function writeRandomGguf(path: string, config: DecoderConfig, signal?: CancelSignal): Promise<void> {
  try {
    await using file = await open(path, 'wx');
    await writeFileOf(file, config, signal);
  } catch (thrown) {
    throw asCutpointError(thrown, 'CUT_FILE_WRITE', `${path} cannot be written`);
  }
}

async function writeFileOf(file: FileHandle, config: DecoderConfig, signal: CancelSignal | undefined): Promise<void> {
  const tensors = tensorsOf(config);
  const head = headOf(config, tensors);
  await file.write(head);
  const random = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  for (const tensor of tensors) {
    throwIfCancelled(signal);
    const bytes = Buffer.alloc(paddedTo(bytesOf(tensor), alignment));
    await file.write(tensor.kind === 'f32' ? filledWithOnes(bytes) : withScales(random.update(bytes), tensor.columns));
  }
}

function tensorsOf({ layers, hiddenSize, heads, kvHeads, headSize, ffnSize, vocabularySize }: DecoderConfig) {
  const vector = (name: string): GgufTensor => ({ name: `${name}.weight`, kind: 'f32', rows: 1, columns: hiddenSize });
  const matrix = (name: string, rows: number, columns: number): GgufTensor => ({
    name: `${name}.weight`,
    kind: 'q4_0',
    rows,
    columns,
  });
  const layer = (prefix: string) => [
    vector(`${prefix}.attn_norm`),
    matrix(`${prefix}.attn_q`, heads * headSize, hiddenSize),
    matrix(`${prefix}.attn_k`, kvHeads * headSize, hiddenSize),
    matrix(`${prefix}.attn_v`, kvHeads * headSize, hiddenSize),
    matrix(`${prefix}.attn_output`, hiddenSize, heads * headSize),
    vector(`${prefix}.ffn_norm`),
    matrix(`${prefix}.ffn_gate`, ffnSize, hiddenSize),
    matrix(`${prefix}.ffn_up`, ffnSize, hiddenSize),
    matrix(`${prefix}.ffn_down`, hiddenSize, ffnSize),
  ];
  return [
    matrix('token_embd', vocabularySize, hiddenSize),
    ...Array.from({ length: layers }, (_, index) => layer(`blk.${index}`)).flat(),
    vector('output_norm'),
    matrix('output', vocabularySize, hiddenSize),
  ];
}

function headOf(config: DecoderConfig, tensors: readonly GgufTensor[]): Buffer {
  const values = [...sizeValues(config), ...vocabularyValues(config.vocabularySize)];
  let offset = 0;
  const infos = tensors.map((tensor) => {
    const { name, kind, rows, columns } = tensor;
    const sizes = rows === 1 ? [columns] : [columns, rows];
    const info = [text(name), u32(sizes.length), ...sizes.map(u64), u32(tensorTypes[kind]), u64(offset)];
    offset += paddedTo(bytesOf(tensor), alignment);
    return Buffer.concat(info);
  });
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(values.length),
    ...values,
    ...infos,
  ]);
  return Buffer.concat([head, Buffer.alloc(paddedTo(head.length, alignment) - head.length)]);
}

function sizeValues(config: DecoderConfig): Buffer[] {
  const { layers, hiddenSize, heads, kvHeads, headSize, ffnSize, vocabularySize, contextTokens } = config;
  const sizes = {
    block_count: layers,
    context_length: contextTokens,
    embedding_length: hiddenSize,
    feed_forward_length: ffnSize,
    'attention.head_count': heads,
    'attention.head_count_kv': kvHeads,
    'rope.dimension_count': headSize,
    vocab_size: vocabularySize,
  };
  return [
    value('general.architecture', types.string, text('llama')),
    ...Object.entries(sizes).map(([key, size]) => value(`llama.${key}`, types.u32, u32(size))),
    value('llama.attention.layer_norm_rms_epsilon', types.f32, f32(config.normEpsilon)),
  ];
}

/** Control tokens, all bytes, and words that are nobody's. */
function vocabularyValues(size: number): Buffer[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  const fixed = ['<unk>', '<s>', '</s>', ...bytes];
  const tokens = Array.from({ length: size }, (_, id) => fixed[id] ?? `▁t${id}`);
  // Of a token: 1 ordinary, 2 unknown, 3 control, 6 a byte.
  const typeOf = (id: number) => (id === 0 ? 2 : id < 3 ? 3 : id < fixed.length ? 6 : 1);
  const list = (key: string, type: number, items: readonly Buffer[]) =>
    value(`tokenizer.ggml.${key}`, types.array, Buffer.concat([u32(type), u64(items.length), ...items]));
  return [
    value('tokenizer.ggml.model', types.string, text('llama')),
    list('tokens', types.string, tokens.map(text)),
    list(
      'scores',
      types.f32,
      tokens.map((_, id) => f32(-id)),
    ),
    list(
      'token_type',
      types.i32,
      tokens.map((_, id) => u32(typeOf(id))),
    ),
    value('tokenizer.ggml.bos_token_id', types.u32, u32(1)),
    value('tokenizer.ggml.eos_token_id', types.u32, u32(2)),
  ];
}

function bytesOf({ kind, rows, columns }: GgufTensor): number {
  return kind === 'f32' ? rows * columns * 4 : ((rows * columns) / block.weights) * block.bytes;
}

function filledWithOnes(bytes: Buffer): Buffer {
  for (let at = 0; at < bytes.length; at += 4) bytes.writeFloatLE(1, at);
  return bytes;
}

/** Gives each block a scale with which sums over a row stay as large as their inputs. */
function withScales(bytes: Buffer, columns: number): Buffer {
  const scale = halfOf(Math.sqrt(3 / columns) / 8);
  for (let at = 0; at + block.bytes <= bytes.length; at += block.bytes) bytes.writeUInt16LE(scale, at);
  return bytes;
}

/** Of a small positive number; a bit too small where it is none of f16. */
function halfOf(number: number): number {
  const exponent = Math.floor(Math.log2(number));
  return ((exponent + 15) << 10) | Math.floor((number / 2 ** exponent - 1) * 1024);
}

function value(key: string, type: number, bytes: Buffer): Buffer {
  return Buffer.concat([text(key), u32(type), bytes]);
}

function text(string: string): Buffer {
  const bytes = Buffer.from(string);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return bytes;
}

function u64(number: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(number));
  return bytes;
}

function f32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(number);
  return bytes;
}

function paddedTo(bytes: number, multiple: number): number {
  return Math.ceil(bytes / multiple) * multiple;
}
