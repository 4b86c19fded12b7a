import { z } from 'zod';
import type { DecoderFamily } from '../architecture/decoder-config.js';
import { limits } from '../package/manifest-schema.js';

const count = (most: number) => z.int().min(1).max(most);
export const tokens = z.union([z.int().min(0), z.array(z.int().min(0)).max(64)]).nullish();

/** A rotary embedding as `rope_scaling` or, in newer files, `rope_parameters` states it. */
export const ropeSchema = z.object({
  rope_theta: z.number().positive().nullish(),
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  factor: z.number().positive().nullish(),
  low_freq_factor: z.number().positive().nullish(),
  high_freq_factor: z.number().positive().nullish(),
  original_max_position_embeddings: count(limits.contextTokens).nullish(),
  partial_rotary_factor: z.number().nullish(),
});
export type RopeFields = z.infer<typeof ropeSchema>;

/** The fields of config.json that matter; all of them may be missing where the family has a default. */
export const configSchema = z.object({
  model_type: z.string().max(64),
  hidden_size: count(limits.width),
  intermediate_size: count(limits.width),
  num_hidden_layers: count(limits.layers),
  num_attention_heads: count(limits.width).nullish(),
  num_key_value_heads: count(limits.width).nullish(),
  head_dim: count(limits.width).nullish(),
  vocab_size: count(limits.vocabulary).nullish(),
  max_position_embeddings: count(limits.contextTokens).nullish(),
  rms_norm_eps: z.number().positive().nullish(),
  hidden_act: z.string().nullish(),
  hidden_activation: z.string().nullish(),
  rope_theta: z.number().positive().nullish(),
  rope_local_base_freq: z.number().positive().nullish(),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: z.union([z.record(z.string(), z.unknown())]).nullish(),
  partial_rotary_factor: z.number().nullish(),
  sliding_window: count(limits.contextTokens).nullish(),
  use_sliding_window: z.boolean().nullish(),
  max_window_layers: z.int().min(0).nullish(),
  sliding_window_pattern: count(limits.layers).nullish(),
  layer_types: z.array(z.string()).max(limits.layers).nullish(),
  query_pre_attn_scalar: z.number().positive().nullish(),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  attn_logit_softcapping: z.number().nullish(),
  final_logit_softcapping: z.number().nullish(),
  use_bidirectional_attention: z.boolean().nullish(),
  quantization_config: z.unknown().optional(),
  bos_token_id: tokens,
  eos_token_id: tokens,
});
export type Fields = z.infer<typeof configSchema>;

/** What a family leaves out of its files where it is the usual (the defaults of the transformers library). */
export interface FamilyDefaults {
  readonly family: DecoderFamily;
  readonly heads: number;
  readonly kvHeads: number | null;
  readonly headSize: number | null;
  readonly contextTokens: number;
  readonly ropeTheta: number;
  readonly activation: string;
  readonly tied: boolean;
  readonly windowTokens: number | null;
}

const plain = { heads: 32, kvHeads: null, headSize: null, ropeTheta: 10_000, activation: 'silu', tied: false } as const;
export const familyOf: Readonly<Record<string, FamilyDefaults>> = {
  llama: { ...plain, family: 'llama', contextTokens: 2048, windowTokens: null },
  mistral: { ...plain, family: 'mistral', kvHeads: 8, contextTokens: 131_072, windowTokens: 4096 },
  qwen2: { ...plain, family: 'qwen2', kvHeads: 32, contextTokens: 32_768, windowTokens: 4096 },
  qwen3: { ...plain, family: 'qwen3', kvHeads: 32, headSize: 128, contextTokens: 32_768, windowTokens: 4096 },
  gemma3_text: {
    family: 'gemma3',
    heads: 8,
    kvHeads: 4,
    headSize: 256,
    contextTokens: 131_072,
    ropeTheta: 1_000_000,
    activation: 'gelu_pytorch_tanh',
    tied: true,
    windowTokens: 4096,
  },
};
