import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import type {
  DecoderConfig,
  DecoderFamily,
  LayerAttention,
  Rope,
  RopeScaling,
} from '../architecture/decoder-config.js';
import {
  configSchema,
  type FamilyDefaults,
  type Fields,
  familyOf,
  type RopeFields,
  ropeSchema,
  tokens,
} from './hf-fields.js';
import { check } from './read-json.js';

/**
 * The decoder that a config.json of the transformers library describes. Of a model with pictures (`gemma3`) the part that
 * reads text.
 * @param generation generation_config.json, whose end tokens replace the configuration's; undefined where there is none.
 * @throws CutpointError CUT_CHECKPOINT, also for what these families do not do elsewhere (other activations, biases, ropes).
 */
export function configFromHuggingFace(json: unknown, generation: unknown, source: string): DecoderConfig {
  const outer = check(z.looseObject({ model_type: z.string().max(64) }), json, source);
  const text = outer.model_type === 'gemma3' ? { ...asObject(outer.text_config), model_type: 'gemma3_text' } : outer;
  const defaults = Object.hasOwn(familyOf, text.model_type) ? familyOf[text.model_type] : undefined;
  if (defaults === undefined) {
    const known = ['llama', 'mistral', 'qwen2', 'qwen3', 'gemma3'].join(', ');
    throw unsupported(source, `its architecture "${text.model_type}" is not one of ${known}`);
  }
  const fields = check(configSchema, text, source);
  requireUsual(fields, source);
  const ends = check(z.object({ eos_token_id: tokens }), generation ?? {}, 'generation_config.json').eos_token_id;
  return decoderOf(fields, defaults, asList(ends ?? outer.eos_token_id ?? fields.eos_token_id), source);
}

function decoderOf(
  fields: Fields,
  defaults: FamilyDefaults,
  endTokens: readonly number[],
  source: string,
): DecoderConfig {
  const { family } = defaults;
  const isGemma = family === 'gemma3';
  const heads = fields.num_attention_heads ?? defaults.heads;
  const headSize = fields.head_dim ?? defaults.headSize ?? fields.hidden_size / heads;
  const vocabularySize = fields.vocab_size ?? (isGemma ? 262_208 : undefined);
  if (vocabularySize === undefined) throw unsupported(source, 'it states no vocab_size');
  const bias = fields.attention_bias ?? false;
  return {
    family,
    layers: fields.num_hidden_layers,
    hiddenSize: fields.hidden_size,
    heads,
    kvHeads: fields.num_key_value_heads ?? defaults.kvHeads ?? heads,
    headSize,
    ffnSize: fields.intermediate_size,
    vocabularySize,
    contextTokens: fields.max_position_embeddings ?? defaults.contextTokens,
    normEpsilon: fields.rms_norm_eps ?? 1e-6,
    activation: activationOf(fields.hidden_activation ?? fields.hidden_act ?? defaults.activation, source),
    attentionScale: (isGemma ? (fields.query_pre_attn_scalar ?? 256) : headSize) ** -0.5,
    embeddingScale: isGemma ? Math.sqrt(fields.hidden_size) : 1,
    ...attentionOf(fields, defaults, source),
    qkvBias: family === 'qwen2' || bias,
    outBias: family !== 'qwen2' && bias,
    qkNorm: family === 'qwen3' || isGemma,
    postNorms: isGemma,
    tiedEmbeddings: fields.tie_word_embeddings ?? defaults.tied,
    beginToken: asList(fields.bos_token_id ?? (isGemma ? 2 : null))[0] ?? null,
    endTokens,
  };
}

function attentionOf(
  fields: Fields,
  { family, ropeTheta, windowTokens }: FamilyDefaults,
  source: string,
): { ropes: readonly Rope[]; attention: readonly LayerAttention[] } {
  const stated = fields.rope_parameters ?? undefined;
  const perKind = stated !== undefined && ('full_attention' in stated || 'sliding_attention' in stated);
  const ropeOf = (kind: string) => check(ropeSchema, (perKind ? stated[kind] : stated) ?? {}, source);
  const full = ropeOf('full_attention');
  const global = rope(
    { ...fields.rope_scaling, ...defined(full) },
    full.rope_theta ?? fields.rope_theta ?? ropeTheta,
    source,
  );
  const window = fields.sliding_window === null ? null : (fields.sliding_window ?? windowTokens);
  const isLocal = localLayers(fields, family, window);
  if (family !== 'gemma3')
    return { ropes: [global], attention: isLocal.map((local) => ({ rope: 0, windowTokens: local ? window : null })) };
  const sliding = perKind ? ropeOf('sliding_attention') : {};
  const local = rope(sliding, sliding.rope_theta ?? fields.rope_local_base_freq ?? 10_000, source);
  return {
    ropes: [global, local],
    attention: isLocal.map((local) => ({ rope: local ? 1 : 0, windowTokens: local ? window : null })),
  };
}

/** Which layers see a window only. */
function localLayers(fields: Fields, family: DecoderFamily, window: number | null): readonly boolean[] {
  const layers = Array.from({ length: fields.num_hidden_layers }, (_, layer) => layer);
  const stated = fields.layer_types;
  if (window === null) return layers.map(() => false);
  if (family === 'gemma3') {
    const pattern = fields.sliding_window_pattern ?? 6;
    return layers.map((layer) => (stated ? stated[layer] === 'sliding_attention' : (layer + 1) % pattern !== 0));
  }
  if (family === 'mistral') return layers.map((layer) => (stated ? stated[layer] === 'sliding_attention' : true));
  if (family === 'llama' || fields.use_sliding_window !== true) return layers.map(() => false);
  const firstLocal = fields.max_window_layers ?? 28;
  return layers.map((layer) => (stated ? stated[layer] === 'sliding_attention' : layer >= firstLocal));
}

function rope(fields: Partial<RopeFields>, theta: number, source: string): Rope {
  const kind = fields.rope_type ?? fields.type ?? 'default';
  if ((fields.partial_rotary_factor ?? 1) !== 1)
    throw unsupported(source, 'only a part of each head is turned by position');
  return { theta, scaling: scalingOf(kind, fields, source) };
}

function scalingOf(kind: string, fields: Partial<RopeFields>, source: string): RopeScaling {
  if (kind === 'default') return { kind: 'none' };
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: original } = fields;
  if (kind === 'linear' && factor) return { kind, factor };
  if (kind === 'llama3' && factor && low && high && original) {
    return { kind, factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContextTokens: original };
  }
  throw unsupported(source, `its rope scaling "${kind}" is not linear or llama3, or lacks a factor`);
}

/** What would change the arithmetic, and is not done. */
function requireUsual(fields: Fields, source: string): void {
  const strange = [
    [fields.mlp_bias === true, 'its feed-forward layers have biases'],
    [(fields.partial_rotary_factor ?? 1) !== 1, 'only a part of each head is turned by position'],
    [(fields.attn_logit_softcapping ?? 0) !== 0, 'its attention is capped'],
    [(fields.final_logit_softcapping ?? 0) !== 0, 'its logits are capped'],
    [fields.use_bidirectional_attention === true, 'it attends to later tokens'],
    [fields.quantization_config != null, 'its weights are quantised (take the checkpoint in bf16, or a GGUF file)'],
    [
      fields.layer_types?.some((type) => !/^(full|sliding)_attention$/.test(type)) === true,
      'it has layers without attention',
    ],
    [
      fields.layer_types != null && fields.layer_types.length !== fields.num_hidden_layers,
      'its layer_types are not one for each layer',
    ],
  ] as const;
  const found = strange.find(([is]) => is);
  if (found !== undefined) throw unsupported(source, found[1]);
}

function activationOf(name: string, source: string): DecoderConfig['activation'] {
  if (name === 'silu' || name === 'swish') return 'silu';
  if (name === 'gelu_pytorch_tanh') return 'gelu-tanh';
  throw unsupported(source, `its activation "${name}" is neither silu nor gelu_pytorch_tanh`);
}

function unsupported(source: string, what: string): CutpointError {
  return new CutpointError('CUT_CHECKPOINT', `${source} describes a model that is not supported: ${what}.`);
}

function asList(value: unknown): readonly number[] {
  if (Array.isArray(value)) return value.filter((item) => typeof item === 'number');
  return typeof value === 'number' ? [value] : [];
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}

/** Without the fields that are null or missing. */
function defined<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null)) as Partial<T>;
}
