import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A tensor with elements that f32, f16 and bf16 hold exactly. */
export interface SmallTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** A checkpoint of a family as its makers publish it: names, shapes and config.json written down here, not taken from code. */
export interface SmallCheckpoint {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: readonly SmallTensor[];
}

/** Sizes that all differ, with a head size that is not hidden size / heads. */
export const sizes = { hidden: 32, heads: 4, kvHeads: 2, headSize: 16, ffn: 96, vocabulary: 48, layers: 7 } as const;

const common = {
  hidden_size: sizes.hidden,
  intermediate_size: sizes.ffn,
  num_hidden_layers: sizes.layers,
  num_attention_heads: sizes.heads,
  num_key_value_heads: sizes.kvHeads,
  head_dim: sizes.headSize,
  vocab_size: sizes.vocabulary,
  max_position_embeddings: 512,
  rms_norm_eps: 2 ** -20,
  rope_theta: 10_000,
  hidden_act: 'silu',
  tie_word_embeddings: false,
  bos_token_id: 1,
  eos_token_id: 2,
};

const rope3 = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

const configs = {
  llama: { ...common, model_type: 'llama', rope_theta: 500_000, rope_scaling: rope3 },
  smollm: { ...common, model_type: 'llama', tie_word_embeddings: true },
  biased: { ...common, model_type: 'llama', attention_bias: true },
  mistral: { ...common, model_type: 'mistral', sliding_window: 128 },
  qwen2: { ...common, model_type: 'qwen2', tie_word_embeddings: true, use_sliding_window: false, sliding_window: 64 },
  qwen3: { ...common, model_type: 'qwen3', rope_theta: 1_000_000 },
  gemma3: {
    ...common,
    model_type: 'gemma3_text',
    hidden_activation: 'gelu_pytorch_tanh',
    rope_theta: 1_000_000,
    rope_local_base_freq: 10_000,
    rope_scaling: { rope_type: 'linear', factor: 8 },
    sliding_window: 128,
    query_pre_attn_scalar: 16,
    tie_word_embeddings: true,
  },
} as const;

export type SmallFamily = keyof typeof configs;
export const smallFamilies = Object.keys(configs) as readonly SmallFamily[];

export function smallCheckpoint(family: SmallFamily): SmallCheckpoint {
  const config = configs[family];
  const { hidden, heads, kvHeads, headSize, ffn, vocabulary, layers } = sizes;
  const [queries, keys] = [heads * headSize, kvHeads * headSize];
  const list: [string, ...number[]][] = [['model.embed_tokens.weight', vocabulary, hidden]];
  for (let i = 0; i < layers; i++) {
    const at = `model.layers.${i}`;
    list.push([`${at}.input_layernorm.weight`, hidden], [`${at}.post_attention_layernorm.weight`, hidden]);
    list.push([`${at}.self_attn.q_proj.weight`, queries, hidden], [`${at}.self_attn.k_proj.weight`, keys, hidden]);
    list.push([`${at}.self_attn.v_proj.weight`, keys, hidden], [`${at}.self_attn.o_proj.weight`, hidden, queries]);
    list.push([`${at}.mlp.gate_proj.weight`, ffn, hidden], [`${at}.mlp.up_proj.weight`, ffn, hidden]);
    list.push([`${at}.mlp.down_proj.weight`, hidden, ffn]);
    if (family === 'qwen2' || family === 'biased') {
      list.push([`${at}.self_attn.q_proj.bias`, queries], [`${at}.self_attn.k_proj.bias`, keys]);
      list.push([`${at}.self_attn.v_proj.bias`, keys]);
    }
    if (family === 'biased') list.push([`${at}.self_attn.o_proj.bias`, hidden]);
    if (family === 'qwen3' || family === 'gemma3') {
      list.push([`${at}.self_attn.q_norm.weight`, headSize], [`${at}.self_attn.k_norm.weight`, headSize]);
    }
    if (family === 'gemma3') {
      list.push(
        [`${at}.pre_feedforward_layernorm.weight`, hidden],
        [`${at}.post_feedforward_layernorm.weight`, hidden],
      );
    }
  }
  list.push(['model.norm.weight', hidden]);
  if (!config.tie_word_embeddings) list.push(['lm_head.weight', vocabulary, hidden]);
  return { config, tensors: list.map(([name, ...shape], i) => ({ name, shape, values: valuesOf(shape, i) })) };
}

/** Multiples of 1/64 from -1 to 1, different in each tensor. */
function valuesOf(shape: readonly number[], seed: number): Float32Array {
  const count = shape.reduce((product, dim) => product * dim, 1);
  let state = seed * 7919 + 17;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    return ((state >>> 16) % 129) / 64 - 1;
  });
}

export type FloatType = 'F32' | 'F16' | 'BF16';

/** The bytes of exactly representable elements, made without the code under test. */
export function encodeFloats(values: Float32Array, type: FloatType): Uint8Array {
  if (type === 'F32') return new Uint8Array(values.slice().buffer);
  const words = new Uint32Array(values.slice().buffer);
  const halves = Uint16Array.from(words, (word) => (type === 'BF16' ? word >>> 16 : halfOf(word)));
  return new Uint8Array(halves.buffer);
}

/** Of an f32 that has no more digits than f16 and is 0 or within its normal range. */
function halfOf(word: number): number {
  const exponent = (word >>> 23) & 255;
  const sign = (word >>> 16) & 0x8000;
  return exponent === 0 ? sign : sign | ((exponent - 112) << 10) | ((word >>> 13) & 1023);
}

export function writeSafetensors(path: string, tensors: readonly SmallTensor[], type: FloatType): void {
  const header: Record<string, object> = { __metadata__: { format: 'pt' } };
  const bodies: Uint8Array[] = [];
  let end = 0;
  for (const { name, shape, values } of tensors) {
    const bytes = encodeFloats(values, type);
    header[name] = { dtype: type, shape, data_offsets: [end, end + bytes.length] };
    bodies.push(bytes);
    end += bytes.length;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path, Buffer.concat([length, text, ...bodies]));
}

/** A tokenizer that has a token of one letter for each row of the vocabulary. */
export const smallTokens = Array.from({ length: sizes.vocabulary }, (_, i) => String.fromCharCode(0x100 + i));

/** Writes a folder as Hugging Face has them; with `shards` over one, in that many files with an index. */
export function writeHuggingFace(
  folder: string,
  { config, tensors }: SmallCheckpoint,
  { type = 'F32', shards = 1 }: { type?: FloatType; shards?: number } = {},
): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const vocab = Object.fromEntries(smallTokens.map((token, id) => [token, id]));
  writeFileSync(
    join(folder, 'tokenizer.json'),
    JSON.stringify({ added_tokens: [], model: { type: 'BPE', vocab, merges: [] } }),
  );
  if (shards === 1) {
    writeSafetensors(join(folder, 'model.safetensors'), tensors, type);
    return;
  }
  const weight_map: Record<string, string> = {};
  for (let shard = 0; shard < shards; shard++) {
    const name = `model-0000${shard + 1}-of-0000${shards}.safetensors`;
    const own = tensors.filter((_, i) => i % shards === shard);
    for (const tensor of own) weight_map[tensor.name] = name;
    writeSafetensors(join(folder, name), own, type);
  }
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map }));
}
