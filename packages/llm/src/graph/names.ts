import type { LayerMatrixName } from '../package/package-manifest.js';

/** Names of what goes into the graph of a range and comes out of it; layers count from the model's first. */
export const valueNames = {
  /** f32 [1, tokens, hiddenSize]. */
  hidden: 'hidden',
  /** f32 [1, tokens, hiddenSize]: what the next range takes. Of a range without head. */
  hiddenOut: 'hidden_out',
  /** i64 [rows]: tokens of this pass whose logits are wanted. Of a range with head. */
  logitsRows: 'logits_rows',
  /** f32 [1, rows, vocabularySize]. */
  logits: 'logits',
  /** i32 [1]: tokens in the cache and of this pass, less one. */
  lastPosition: 'seqlens_k',
  /** i32 []: tokens in the cache and of this pass. */
  totalTokens: 'total_sequence_length',
  /** f32 [positions, headSize / 2], from position 0 on. */
  cosines: (rope: number) => `cos.${rope}`,
  sines: (rope: number) => `sin.${rope}`,
  /** f32 [1, tokens, columns]: what a layer's matrix is multiplied with; leaves the graph where that is asked for. */
  matrixInput: (layer: number, matrix: LayerMatrixName) => `layer.${layer}.${matrix}.input`,
  /**
   * f32 or f16 [1, kvHeads, capacity, headSize], in 8 bits i8 [kvHeads * capacity, headSize]; read up to the tokens that
   * are in the cache.
   */
  pastKey: (layer: number) => `past_key_values.${layer}.key`,
  pastValue: (layer: number) => `past_key_values.${layer}.value`,
  /** Of a run of heads behind the first, in a shard: its own keys or values. */
  pastOfRun: (past: string, run: number) => (run === 0 ? past : `${past}.run${run}`),
  /** f32 [kvHeads * capacity]: of a cache in 8 bits. */
  scalesOf: (past: string) => `${past}.scales`,
  /** f32 [1, tokens, kvHeads * headSize]: of this pass alone, not turned by the rotary embedding yet. */
  presentKey: (layer: number) => `present.${layer}.key`,
  /** f32 [1, tokens, kvHeads * headSize]: of this pass alone. */
  presentValue: (layer: number) => `present.${layer}.value`,
} as const;
