import type { Tensor } from '@cutpoint/core';
import type { ByteReader, ByteWriter } from '../bytes.js';
import type { ErrorBound } from '../codec.js';
import type { FloatTensor, FloatTensorType } from '../floats.js';
import type { PartPlaces, Parts } from '../parts.js';

/** What a codec writes after the header of a payload. Bodies nest: a filter writes its own part and then that of another. */
export interface Body {
  /** @throws CutpointError CUT_CODEC if the tensor cannot be carried. */
  write(tensor: FloatTensor, out: ByteWriter): void;
  /**
   * @param type of the tensor; it has at most as many elements as may be allocated.
   * @throws CutpointError CUT_CODEC_PAYLOAD if `write` cannot have written this.
   */
  read(type: FloatTensorType, body: ByteReader): Tensor;
  /** See `Codec.bound`. */
  bound(tensor: FloatTensor): ErrorBound;
}

/** A body whose parts can be computed, and elements made of them, by others. */
export interface PartsBody extends Body {
  /** Writes parts that were computed for a tensor of this type. */
  put(parts: Parts, type: FloatTensorType, out: ByteWriter): void;
  /** What `read` makes elements of. @throws CutpointError as `read`. */
  take(type: FloatTensorType, body: ByteReader): { readonly parts: Parts; readonly places: PartPlaces };
}
