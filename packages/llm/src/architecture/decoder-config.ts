/** The families whose checkpoints can be imported. Differences between them are fields of `DecoderConfig`, not code. */
export const decoderFamilies = ['llama', 'mistral', 'qwen2', 'qwen3', 'gemma3'] as const;

export type DecoderFamily = (typeof decoderFamilies)[number];

/** How rotary frequencies are stretched beyond the context that a model was trained with. */
export type RopeScaling =
  | { readonly kind: 'none' }
  /** All frequencies divided by `factor` (Gemma 3's global layers). */
  | { readonly kind: 'linear'; readonly factor: number }
  /** Low frequencies divided by `factor`, high ones kept, a ramp between (Llama 3.1 and later). */
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalContextTokens: number;
    };

/** Rotary position embedding in the order of halves (element i is paired with i + headSize / 2). */
export interface Rope {
  readonly theta: number;
  readonly scaling: RopeScaling;
}

export interface LayerAttention {
  /** Which of `DecoderConfig.ropes` turns this layer's queries and keys. */
  readonly rope: number;
  /** Tokens that a token sees, itself included; null where it sees all before it. */
  readonly windowTokens: number | null;
}

/**
 * A decoder as plain numbers, the same for every family: what is the architecture's habit elsewhere (Gemma's scaled
 * embeddings, Qwen's biases) is stated here, and norms that add one to their weight are stored with the one added.
 */
export interface DecoderConfig {
  readonly family: DecoderFamily;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  /** Heads of keys and values: `heads` of them for plain attention, 1 for multi-query; divides `heads`. */
  readonly kvHeads: number;
  /** Independent of `hiddenSize / heads`. */
  readonly headSize: number;
  readonly ffnSize: number;
  readonly vocabularySize: number;
  readonly contextTokens: number;
  readonly normEpsilon: number;
  readonly activation: 'silu' | 'gelu-tanh';
  /** Factor of query times key, commonly 1 / sqrt(headSize). */
  readonly attentionScale: number;
  /** Factor of the embedding's rows: 1, in Gemma sqrt(hiddenSize). */
  readonly embeddingScale: number;
  readonly ropes: readonly Rope[];
  /** One per layer. */
  readonly attention: readonly LayerAttention[];
  readonly qkvBias: boolean;
  readonly outBias: boolean;
  /** Queries and keys are normalised per head before they are turned. */
  readonly qkNorm: boolean;
  /** Attention and feed-forward are normalised behind as well as before (Gemma 3). */
  readonly postNorms: boolean;
  /** The head's matrix is the embedding's table. */
  readonly tiedEmbeddings: boolean;
  readonly beginToken: number | null;
  readonly endTokens: readonly number[];
}
