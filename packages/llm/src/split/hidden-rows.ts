import { type Codec, decodeCrossing, encodeCrossing } from '@cutpoint/codec';
import { CutpointError, type DType, f32Values, type NamedTensors, type Tensor, tensorOf } from '@cutpoint/core';

/** Hidden states have no name of their own; the codecs carry named tensors, and the tables of `transform` are of them. */
export const hiddenName = 'hidden';
const dtypes: ReadonlyMap<string, DType> = new Map([[hiddenName, 'f32']]);

/**
 * Hidden states [rows, hiddenSize] as bytes, without what both sides know anyway (element type and shape).
 * @throws CutpointError CUT_CODEC if the codec cannot carry them.
 */
export function encodeHidden(
  codec: string | Codec,
  data: Float32Array<ArrayBuffer>,
  hiddenSize: number,
): Uint8Array<ArrayBuffer> {
  const tensor = tensorOf('f32', [data.length / hiddenSize, hiddenSize], data);
  return theOnly(encodeCrossing(new Map([[hiddenName, tensor]]), codec)).data;
}

/** Hidden states as they crossed: pieces that were encoded one by one, of each of which the first rows count. */
export interface CrossedHidden {
  readonly codec: string | Codec;
  readonly pieces: readonly CrossedPiece[];
}

export interface CrossedPiece {
  readonly rows: number;
  readonly kept: number;
  readonly hidden: Uint8Array;
}

/**
 * The hidden states [rows, hiddenSize] of bytes, however hostile.
 * @throws CutpointError CUT_INPUT or CUT_CODEC_PAYLOAD if they are not so many rows.
 */
export function decodeHidden(
  codec: string | Codec,
  bytes: Uint8Array<ArrayBuffer>,
  rows: number,
  hiddenSize: number,
): Float32Array {
  const crossed = new Map([[hiddenName, crossedTensor(codec, bytes, [rows, hiddenSize])]]);
  const tensor = theOnly(decodeCrossing(crossed, codec, dtypes, { maxElements: rows * hiddenSize }));
  requireRows(tensor.shape, rows, hiddenSize);
  return f32Values(tensor);
}

/** @throws CutpointError CUT_INPUT */
export function requireRows(shape: readonly number[], rows: number, hiddenSize: number): void {
  const [found, width] = shape;
  if (shape.length === 2 && found === rows && width === hiddenSize) return;
  throw wrong(`${rows} rows of ${hiddenSize}`, `a tensor of [${shape.join(', ')}]`);
}

/** The tensor that crossed, with what both sides know anyway. @throws CutpointError CUT_INPUT if it has another length. */
export function crossedTensor(
  codec: string | Codec,
  data: Uint8Array<ArrayBuffer>,
  shape: readonly [rows: number, hiddenSize: number],
): Tensor {
  if (codec !== 'raw' && codec !== 'f16') return { dtype: 'u8', shape: [data.length], data };
  const [dtype, width] = codec === 'raw' ? (['f32', 4] as const) : (['f16', 2] as const);
  const bytes = shape[0] * shape[1] * width;
  if (data.length !== bytes) throw wrong(`${bytes} bytes`, `${data.length}`);
  return { dtype, shape, data };
}

function wrong(expected: string, found: string): CutpointError {
  return new CutpointError(
    'CUT_INPUT',
    `The hidden states that crossed the cut should be ${expected}, but are ${found}.`,
  );
}

function theOnly(tensors: NamedTensors): Tensor {
  const tensor = tensors.get(hiddenName);
  if (tensor !== undefined) return tensor;
  throw new CutpointError('CUT_INTERNAL', 'A codec lost the tensor that it was given.');
}
