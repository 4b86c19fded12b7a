/** A run of a decoder's layers, `from` to `to` (not included). */
export interface LayerRange {
  readonly from: number;
  readonly to: number;
  /** With the last norm and the vocabulary matrix behind the last layer: logits come out instead of hidden states. */
  readonly head: boolean;
}
