import type { BlockBits, StoredBlockSize } from './package-manifest.js';

/** How a weight is stored: all that its size and its place in a file depend on. */
export type WeightForm =
  | { readonly kind: 'float'; readonly dtype: 'f32' | 'f16'; readonly shape: readonly number[] }
  | {
      readonly kind: 'blocks';
      readonly bits: BlockBits;
      readonly block: StoredBlockSize;
      readonly rows: number;
      readonly columns: number;
      readonly zeroPoints: boolean;
    };

/** The bytes of some rows, as `StoredWeight` lays them out. */
export interface WeightPiece {
  /** Elements of floats, or codes of blocks. */
  readonly values: Uint8Array;
  /** Empty for floats. */
  readonly scales: Uint8Array;
  /** Empty for floats, and for blocks without zero points. */
  readonly zeroPoints: Uint8Array;
}

/** A weight on its way into a package, a few rows at a time, from the first to the last. */
export interface WeightContent {
  readonly form: WeightForm;
  pieces(): AsyncIterable<WeightPiece> | Iterable<WeightPiece>;
}

/** Weights of one part, in the order in which they are written. */
export type PartContent<Name extends string> = Readonly<Partial<Record<Name, WeightContent>>>;

/** Bytes of the three spans of a weight; 0 where there is none. */
export interface WeightBytes {
  readonly values: number;
  readonly scales: number;
  readonly zeroPoints: number;
}

/** How many bytes a weight of this form takes. */
export function bytesOf(form: WeightForm): WeightBytes {
  if (form.kind === 'float') {
    const elements = form.shape.reduce((product, dim) => product * dim, 1);
    return { values: elements * (form.dtype === 'f32' ? 4 : 2), scales: 0, zeroPoints: 0 };
  }
  const { bits, block, rows, columns } = form;
  const blocks = Math.ceil(columns / block);
  return {
    values: (rows * blocks * block * bits) / 8,
    scales: rows * blocks * 4,
    zeroPoints: form.zeroPoints ? rows * Math.ceil((blocks * bits) / 8) : 0,
  };
}
