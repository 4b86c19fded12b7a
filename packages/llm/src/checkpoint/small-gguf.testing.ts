import { writeFileSync } from 'node:fs';
import {
  encodeFloats,
  type FloatType,
  type SmallCheckpoint,
  type SmallFamily,
  sizes,
  smallTokens,
} from './small-checkpoints.testing.js';

/** Metadata as GGUF knows it: the number of its type and the value. */
export type GgufEntry =
  | readonly ['u32', number]
  | readonly ['f32', number]
  | readonly ['bool', boolean]
  | readonly ['text', string]
  | readonly ['texts', readonly string[]]
  | readonly ['i32s', readonly number[]]
  | readonly ['f32s', readonly number[]];

export interface GgufBytes {
  readonly name: string;
  /** ggml's number. */
  readonly type: number;
  /** Rows first. */
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** The bytes of a GGUF file of version 3. */
export function ggufBytes(metadata: Readonly<Record<string, GgufEntry>>, tensors: readonly GgufBytes[]): Buffer {
  const parts: Buffer[] = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(Object.keys(metadata).length)];
  for (const [key, entry] of Object.entries(metadata)) parts.push(text(key), ...entryBytes(entry));
  let offset = 0;
  for (const { name, type, shape, bytes } of tensors) {
    parts.push(text(name), u32(shape.length), ...shape.toReversed().map(u64), u32(type), u64(offset));
    offset += Math.ceil(bytes.length / 32) * 32;
  }
  const header = Buffer.concat(parts);
  const padding = (length: number) => Buffer.alloc(-length & 31);
  return Buffer.concat([
    header,
    padding(header.length),
    ...tensors.flatMap(({ bytes }) => [bytes, padding(bytes.length)]),
  ]);
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const f32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
};
const i32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

function entryBytes(entry: GgufEntry): readonly Buffer[] {
  switch (entry[0]) {
    case 'u32':
      return [u32(4), u32(entry[1])];
    case 'f32':
      return [u32(6), f32(entry[1])];
    case 'bool':
      return [u32(7), Buffer.from([entry[1] ? 1 : 0])];
    case 'text':
      return [u32(8), text(entry[1])];
    case 'texts':
      return [u32(9), u32(8), u64(entry[1].length), ...entry[1].map(text)];
    case 'i32s':
      return [u32(9), u32(5), u64(entry[1].length), ...entry[1].map(i32)];
    case 'f32s':
      return [u32(9), u32(6), u64(entry[1].length), ...entry[1].map(f32)];
  }
}

const architectures: Readonly<Record<SmallFamily, string>> = {
  llama: 'llama',
  smollm: 'llama',
  biased: 'llama',
  mistral: 'llama',
  qwen2: 'qwen2',
  qwen3: 'qwen3',
  gemma3: 'gemma3',
};

/** The metadata that llama.cpp's converter writes for a small checkpoint. */
export function ggufMetadata(family: SmallFamily): Record<string, GgufEntry> {
  const key = architectures[family];
  const theta = { llama: 500_000, qwen3: 1_000_000, gemma3: 1_000_000 } as Partial<Record<SmallFamily, number>>;
  return {
    'general.architecture': ['text', key],
    'general.name': ['text', family],
    [`${key}.context_length`]: ['u32', 512],
    [`${key}.embedding_length`]: ['u32', sizes.hidden],
    [`${key}.block_count`]: ['u32', sizes.layers],
    [`${key}.feed_forward_length`]: ['u32', sizes.ffn],
    [`${key}.attention.head_count`]: ['u32', sizes.heads],
    [`${key}.attention.head_count_kv`]: ['u32', sizes.kvHeads],
    [`${key}.attention.key_length`]: ['u32', sizes.headSize],
    [`${key}.attention.value_length`]: ['u32', sizes.headSize],
    [`${key}.attention.layer_norm_rms_epsilon`]: ['f32', 2 ** -20],
    [`${key}.rope.freq_base`]: ['f32', theta[family] ?? 10_000],
    ...(family === 'gemma3' && {
      'gemma3.attention.sliding_window': ['u32', 128] as const,
      'gemma3.rope.scaling.type': ['text', 'linear'] as const,
      'gemma3.rope.scaling.factor': ['f32', 8] as const,
    }),
    'tokenizer.ggml.model': ['text', 'gpt2'],
    'tokenizer.ggml.pre': ['text', 'gpt-2'],
    'tokenizer.ggml.tokens': ['texts', smallTokens],
    'tokenizer.ggml.token_type': ['i32s', smallTokens.map(() => 1)],
    'tokenizer.ggml.merges': ['texts', []],
    'tokenizer.ggml.bos_token_id': ['u32', 1],
    'tokenizer.ggml.eos_token_id': ['u32', 2],
  };
}

const ownNames: readonly (readonly [RegExp, string])[] = [
  [/^model\.embed_tokens\.weight$/, 'token_embd.weight'],
  [/^model\.norm\.weight$/, 'output_norm.weight'],
  [/^lm_head\.weight$/, 'output.weight'],
  [/^model\.layers\.(\d+)\.input_layernorm\./, 'blk.$1.attn_norm.'],
  [/^model\.layers\.(\d+)\.self_attn\.([qkv])_proj\./, 'blk.$1.attn_$2.'],
  [/^model\.layers\.(\d+)\.self_attn\.([qk])_norm\./, 'blk.$1.attn_$2_norm.'],
  [/^model\.layers\.(\d+)\.self_attn\.o_proj\./, 'blk.$1.attn_output.'],
  [/^model\.layers\.(\d+)\.mlp\.(gate|up|down)_proj\./, 'blk.$1.ffn_$2.'],
  [/^model\.layers\.(\d+)\.pre_feedforward_layernorm\./, 'blk.$1.ffn_norm.'],
  [/^model\.layers\.(\d+)\.post_feedforward_layernorm\./, 'blk.$1.post_ffw_norm.'],
];

/** Tensors as llama.cpp's converter writes them: other names, queries and keys of Llama in pairs, Gemma's norms with one added. */
export function ggufTensors(family: SmallFamily, { tensors }: SmallCheckpoint, type: FloatType): readonly GgufBytes[] {
  const afterAttention = family === 'gemma3' ? 'blk.$1.post_attention_norm.' : 'blk.$1.ffn_norm.';
  const names = [...ownNames, [/^model\.layers\.(\d+)\.post_attention_layernorm\./, afterAttention] as const];
  const factors = family === 'llama' ? [ropeFactors()] : [];
  return [
    ...tensors.map(({ name, shape, values }) => {
      const found = names.find(([pattern]) => pattern.test(name));
      if (found === undefined) throw new Error(`${name} has no name in GGUF here`);
      const isTurned = architectures[family] === 'llama' && /\.[qk]_proj\./.test(name);
      const isNorm = family === 'gemma3' && /norm\.weight$/.test(name);
      const stored = isTurned ? paired(values, shape) : isNorm ? values.map((value) => value + 1) : values;
      // Vectors are always of 32 bits there.
      const own = shape.length === 1 ? 'F32' : type;
      return { name: name.replace(...found), type: ggmlTypes[own], shape, bytes: encodeFloats(stored, own) };
    }),
    ...factors,
  ];
}

const ggmlTypes = { F32: 0, F16: 1, BF16: 30 } as const;

/** `weights.reshape(heads, 2, headSize / 2, columns).swapaxes(1, 2)`, as the converter puts it. */
function paired(values: Float32Array, shape: readonly number[]): Float32Array {
  const { headSize } = sizes;
  const columns = shape[1] ?? 1;
  const result = new Float32Array(values.length);
  for (let row = 0; row * columns < values.length; row++) {
    const [head, within] = [Math.floor(row / headSize), row % headSize];
    const [half, i] = [Math.floor(within / (headSize / 2)), within % (headSize / 2)];
    const to = head * headSize + i * 2 + half;
    result.set(values.subarray(row * columns, (row + 1) * columns), to * columns);
  }
  return result;
}

/** For heads of 16, theta 500,000, factor 8, 1 to 4, 8,192 tokens: computed in Python by the converter's formula. */
function ropeFactors(): GgufBytes {
  const values = Float32Array.from(ropeFactorValues);
  return { name: 'rope_freqs.weight', type: 0, shape: [8], bytes: new Uint8Array(values.buffer) };
}

const ropeFactorValues = [1, 1, 1, 1, 2.6945296878947333, 8, 8, 8];

export function writeGguf(
  path: string,
  family: SmallFamily,
  checkpoint: SmallCheckpoint,
  type: FloatType = 'F32',
): void {
  writeFileSync(path, ggufBytes(ggufMetadata(family), ggufTensors(family, checkpoint, type)));
}
