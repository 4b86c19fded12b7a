import type {
  DecoderConfig,
  DecoderFamily,
  LayerAttention,
  Rope,
  RopeScaling,
} from '../architecture/decoder-config.js';
import type { GgufMetadata } from './gguf-metadata.js';

/** What is not metadata, but follows from the tensors that a file has. */
export interface GgufTensorFacts {
  readonly vocabularySize: number;
  /** There is no matrix of the vocabulary. */
  readonly tiedEmbeddings: boolean;
  readonly qkvBias: boolean;
  readonly outBias: boolean;
  /** The tensor by whose elements rotary frequencies are divided, where there is one (Llama 3.1 and later). */
  readonly ropeFactors: Float32Array | undefined;
}

const families: Readonly<Record<string, DecoderFamily>> = {
  llama: 'llama',
  qwen2: 'qwen2',
  qwen3: 'qwen3',
  gemma3: 'gemma3',
};

/** The architecture of a file, which keys begin with. @throws CutpointError CUT_CHECKPOINT if it is not supported. */
export function familyOf(metadata: GgufMetadata): { readonly key: string; readonly family: DecoderFamily } {
  const key = metadata.need('general.architecture', metadata.text('general.architecture'));
  const family = Object.hasOwn(families, key) ? families[key] : undefined;
  if (family !== undefined) return { key, family };
  throw metadata.unsupported(`its architecture "${key}" is not one of ${Object.keys(families).join(', ')}`);
}

/**
 * The decoder that a GGUF file's metadata describes (keys as in https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
 * @throws CutpointError CUT_CHECKPOINT
 */
export function configFromGguf(metadata: GgufMetadata, facts: GgufTensorFacts): DecoderConfig {
  const { key, family } = familyOf(metadata);
  const own = (name: string) => metadata.number(`${key}.${name}`);
  const need = (name: string) => metadata.need(`${key}.${name}`, own(name));
  if ((own('expert_count') ?? 0) > 0) throw metadata.unsupported('it has experts');
  if ((own('final_logit_softcapping') ?? 0) !== 0) throw metadata.unsupported('its logits are capped');
  const hiddenSize = need('embedding_length');
  const layers = need('block_count');
  const heads = need('attention.head_count');
  const headSize = own('attention.key_length') ?? hiddenSize / heads;
  if ((own('attention.value_length') ?? headSize) !== headSize)
    throw metadata.unsupported('its keys and values differ in size');
  if ((own('rope.dimension_count') ?? headSize) !== headSize)
    throw metadata.unsupported('only a part of each head is turned by position');
  const isGemma = family === 'gemma3';
  return {
    family,
    layers,
    hiddenSize,
    heads,
    kvHeads: own('attention.head_count_kv') ?? heads,
    headSize,
    ffnSize: need('feed_forward_length'),
    vocabularySize: facts.vocabularySize,
    contextTokens: need('context_length'),
    normEpsilon: need('attention.layer_norm_rms_epsilon'),
    activation: isGemma ? 'gelu-tanh' : 'silu',
    // Files do not state it; the one Gemma 3 of 62 layers divides by hidden size per head instead.
    attentionScale: (isGemma && layers === 62 ? hiddenSize / heads : headSize) ** -0.5,
    embeddingScale: isGemma ? Math.sqrt(hiddenSize) : 1,
    ...attentionOf(metadata, key, layers, isGemma, facts),
    qkvBias: facts.qkvBias,
    outBias: facts.outBias,
    qkNorm: family === 'qwen3' || isGemma,
    postNorms: isGemma,
    tiedEmbeddings: facts.tiedEmbeddings,
    beginToken: metadata.number('tokenizer.ggml.bos_token_id') ?? null,
    endTokens: endTokens(metadata),
  };
}

function attentionOf(
  metadata: GgufMetadata,
  key: string,
  layers: number,
  isGemma: boolean,
  { ropeFactors }: GgufTensorFacts,
): { ropes: readonly Rope[]; attention: readonly LayerAttention[] } {
  const theta = metadata.number(`${key}.rope.freq_base`) ?? 10_000;
  const global = { theta, scaling: scalingOf(metadata, key, theta, ropeFactors) };
  const all = Array.from({ length: layers }, (_, layer) => layer);
  if (!isGemma) return { ropes: [global], attention: all.map(() => ({ rope: 0, windowTokens: null })) };
  const windowTokens = metadata.need('the sliding window', metadata.number(`${key}.attention.sliding_window`));
  const localTheta = metadata.number(`${key}.rope.freq_base_swa`) ?? 10_000;
  const local: Rope = { theta: localTheta, scaling: { kind: 'none' } };
  // Every sixth layer of Gemma 3 sees everything.
  const isLocal = (layer: number) => (layer + 1) % 6 !== 0;
  return {
    ropes: [global, local],
    attention: all.map((layer) => (isLocal(layer) ? { rope: 1, windowTokens } : { rope: 0, windowTokens: null })),
  };
}

function scalingOf(metadata: GgufMetadata, key: string, theta: number, factors: Float32Array | undefined): RopeScaling {
  const kind = metadata.text(`${key}.rope.scaling.type`) ?? 'none';
  if (factors !== undefined) return llama3Of(metadata, theta, factors);
  if (kind === 'none') return { kind };
  const factor = metadata.number(`${key}.rope.scaling.factor`);
  if (kind === 'linear' && factor !== undefined) return { kind, factor };
  throw metadata.unsupported(`its rope scaling "${kind}" is not linear, or lacks a factor`);
}

/** The three numbers that Llama 3.1, 3.2 and 3.3 share; files have only what follows from them. */
const llama3 = { lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextTokens: 8192 } as const;

function llama3Of(metadata: GgufMetadata, theta: number, factors: Float32Array): RopeScaling {
  const factor = factors.reduce((most, each) => Math.max(most, each), 0);
  const scaling = { kind: 'llama3', factor, ...llama3 } as const;
  const expected = llama3Factors(theta, 2 * factors.length, scaling);
  const agrees = expected.every((value, i) => Math.abs(value / (factors[i] ?? 0) - 1) < 1e-3);
  if (agrees) return scaling;
  throw metadata.unsupported('its rotary frequencies are scaled in a way that is not that of Llama 3');
}

/**
 * What each of the `headSize / 2` rotary frequencies is divided by: low ones by the factor, high ones by 1, a ramp of
 * frequencies between (transformers, `_compute_llama3_parameters`).
 */
export function llama3Factors(
  theta: number,
  headSize: number,
  scaling: Extract<RopeScaling, { kind: 'llama3' }>,
): readonly number[] {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContextTokens: original } = scaling;
  return Array.from({ length: headSize / 2 }, (_, i) => {
    const waveTokens = 2 * Math.PI * theta ** ((2 * i) / headSize);
    if (waveTokens < original / high) return 1;
    if (waveTokens > original / low) return factor;
    const smooth = (original / waveTokens - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

/** Texts of tokens at which instruction-tuned models end their turn, whatever a file calls its end. */
const turnEnds = new Set([
  '<|eot_id|>',
  '<|im_end|>',
  '<end_of_turn>',
  '<|end_of_text|>',
  '<|endoftext|>',
  '<|eom_id|>',
]);
const controlToken = 3;

function endTokens(metadata: GgufMetadata): readonly number[] {
  const ids = ['eos', 'eot', 'eom'].map((name) => metadata.number(`tokenizer.ggml.${name}_token_id`));
  const types = metadata.numbers('tokenizer.ggml.token_type') ?? [];
  const tokens = metadata.texts('tokenizer.ggml.tokens') ?? [];
  const byText = tokens.flatMap((text, id) => (types[id] === controlToken && turnEnds.has(text) ? [id] : []));
  return [...new Set([...ids, ...byText].filter((id) => id !== undefined))];
}
