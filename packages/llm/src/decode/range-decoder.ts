import type { CancelSignal } from '@cutpoint/core';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { LayerRange } from '../graph/range.js';
import type { CrossedHidden } from '../split/hidden-rows.js';
import type { WantedLogits } from './decoder-protocol.js';

export interface ForwardOptions {
  /** Of a range with head. Default 1. */
  readonly logits?: WantedLogits;
  /** Cancels the pass: it rejects at once, and ends behind the chunk that runs; the sequence stays as it was. */
  readonly signal?: CancelSignal;
}

export interface Pass {
  /** Hidden states [tokens, hiddenSize]; of a range with head logits [those wanted, vocabularySize]. */
  readonly data: Float32Array<ArrayBuffer>;
  readonly computeMs: number;
}

/** Hidden states that wait to be run. Dispose of them when they were. */
export interface HiddenInput extends Disposable {
  /** As `RangeDecoder.forward`. */
  forward(sequence: number, options?: ForwardOptions): Promise<Pass>;
}

/** A range of a decoder's layers that is open, with the caches of its sequences: on the CPU (`DecoderRange`) or on a GPU. */
export interface RangeDecoder {
  readonly config: DecoderConfig;
  readonly range: LayerRange;
  /** A new, empty sequence. */
  sequence(): number;
  /**
   * Runs tokens behind those that the sequence has.
   * @param hidden [tokens, hiddenSize]; given away.
   * @throws CutpointError CUT_INPUT if the context is too short, and others; the sequence stays as it was.
   */
  forward(sequence: number, hidden: Float32Array<ArrayBuffer>, options?: ForwardOptions): Promise<Pass>;
  /**
   * Decodes hidden states that crossed a cut, where the layers are. Where it is missing, whoever asks decodes them.
   * @throws CutpointError CUT_INPUT or CUT_CODEC_PAYLOAD if they are other than is said; CUT_WORKER_DIED.
   */
  readonly take?: (crossed: CrossedHidden) => Promise<HiddenInput>;
  /** Forgets all but the first tokens of a sequence. */
  truncate(sequence: number, tokens: number): void;
  /** A new sequence that begins with the first tokens of another; neither knows of the other afterwards. */
  clone(sequence: number, tokens: number): number;
  /** Frees a sequence's cache. */
  drop(sequence: number): void;
  dispose(): Promise<void>;
}
