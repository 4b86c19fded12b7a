import type { Tensor } from '@cutpoint/core';
import type { PartsCodec } from './parts.js';

/**
 * How a tensor becomes bytes and a tensor again. A codec keeps no state: the same tensor gives the same bytes on every
 * machine, whichever kernels computed them. What remembers, such as the differences of a stream, is a `CodecStream`.
 */
export interface Codec {
  /** The canonical spec: what `parseSpec` reads back as the same codec, e.g. `affine:bits=4,per=token+rans`. */
  readonly spec: string;
  /**
   * The payload of a tensor of a float type, complete: element type, shape and whatever the decoder has to know.
   * @throws CutpointError CUT_CODEC if the codec cannot carry the tensor, such as NaN where it keeps no exact values.
   */
  encode(tensor: Tensor): Uint8Array<ArrayBuffer>;
  /**
   * The tensor of a payload, however hostile: lengths are checked before anything is allocated.
   * @throws CutpointError CUT_CODEC_PAYLOAD if the payload is corrupt, truncated or too large.
   */
  decode(payload: Uint8Array, limits: DecodeLimits): Tensor;
  /** The promise that `decode(encode(tensor))` keeps, for this tensor. */
  bound(tensor: Tensor): ErrorBound;
  /** Of a codec whose arithmetic may be done elsewhere; `transform` and what stands behind a filter have none. */
  readonly parts?: PartsCodec;
}

/** What a decoder may allocate. */
export interface DecodeLimits {
  readonly maxElements: number;
}

/** How far a decoded element may be from what was encoded. */
export type ErrorBound =
  /** Bit for bit. */
  | { readonly kind: 'exact' }
  /** By element: |decoded - encoded| is at most this; NaN stays NaN and infinities stay what they are. */
  | { readonly kind: 'element'; readonly most: Float64Array }
  /** Of the whole tensor: the root of the sum of squared errors is at most this. */
  | { readonly kind: 'norm'; readonly most: number };

/** One direction of a stream of tensors, where each may be coded against those before it. */
export interface CodecStream {
  encode(tensor: Tensor): Uint8Array<ArrayBuffer>;
  decode(payload: Uint8Array, limits: DecodeLimits): Tensor;
  /** Forgets all: the next payload stands alone. Both ends do so after a loss. */
  resynchronise(): void;
}
