/** How the numbers of a matrix lie in bytes, row by row, as @cutpoint/llm's packages have them. */
export type MatrixForm =
  | { readonly kind: 'float'; readonly dtype: 'f32' | 'f16'; readonly rows: number; readonly columns: number }
  | {
      /** Codes of `bits`, the lower bits first, with a scale a block, and a zero point or the middle of the range. */
      readonly kind: 'blocks';
      readonly bits: 2 | 4 | 8;
      readonly block: number;
      readonly rows: number;
      readonly columns: number;
      readonly zeroPoints: boolean;
    };

export interface MatrixBytes {
  readonly form: MatrixForm;
  readonly values: Uint8Array;
  /** f32; empty for floats. */
  readonly scales: Uint8Array;
  /** Empty where there are none. */
  readonly zeroPoints: Uint8Array;
}

/** Weights of a layer. Fused: `qkv` has the rows of queries, keys and values, `gateUp` those of gate and up. */
export interface LayerWeights {
  readonly attentionNorm: Float32Array;
  readonly qkv: MatrixBytes;
  readonly qkvBias?: Float32Array | undefined;
  readonly queryNorm?: Float32Array | undefined;
  readonly keyNorm?: Float32Array | undefined;
  readonly out: MatrixBytes;
  readonly outBias?: Float32Array | undefined;
  readonly postAttentionNorm?: Float32Array | undefined;
  readonly ffnNorm: Float32Array;
  readonly gateUp: MatrixBytes;
  readonly down: MatrixBytes;
  readonly postFfnNorm?: Float32Array | undefined;
}

/** Where the weights of a decoder come from; each part is asked for once, when it is its turn. */
export interface DecoderWeights {
  table(): Promise<MatrixBytes>;
  layer(index: number): Promise<LayerWeights>;
  head(): Promise<{ readonly norm: Float32Array; readonly matrix: MatrixBytes }>;
  /** Of each rope: radians per position of each pair of elements. */
  readonly ropeFrequencies: readonly Float64Array[];
}
