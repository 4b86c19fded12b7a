/** A decoder as plain numbers: what @cutpoint/llm's `DecoderConfig` says of it, as far as kernels need it. */
export interface GpuDecoderConfig {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly ffnSize: number;
  readonly vocabularySize: number;
  readonly contextTokens: number;
  readonly normEpsilon: number;
  readonly activation: 'silu' | 'gelu-tanh';
  readonly attentionScale: number;
  readonly embeddingScale: number;
  /** One per layer: which rope turns it, and how many tokens a token sees (null: all). */
  readonly attention: readonly { readonly rope: number; readonly windowTokens: number | null }[];
  readonly qkNorm: boolean;
  readonly postNorms: boolean;
}
