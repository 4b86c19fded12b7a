import type { StaticTable } from '../entropy/table.js';

/** Largest rotation and largest side of a map with frequencies: both cost the cube of it. */
export const mostRotated = 1024;
export const mostFrequencies = 256;

/** What calibration found out about one cut: all that encoder and decoder share. Integers steer the entropy coder. */
export interface TransformTable {
  /** SHA-256 of the model, and which of its cuts and crossing tensors this is for. */
  readonly modelHash: string;
  readonly cut: number;
  readonly tensor: string;
  readonly geometry: Geometry;
  /** Width of a quantisation step; the same for all coefficients. */
  readonly step: number;
  /** Subtracted from each channel. */
  readonly mean: Float32Array;
  /** Orthonormal, component by channel; absent where channels are coded as they are. */
  readonly rotation?: Float32Array;
  /** Orthonormal, frequency by position, for the columns (height x height) and the rows (width x width) of a map. */
  readonly spatial?: { readonly vertical: Float32Array; readonly horizontal: Float32Array };
  /** Mean size of each quantised coefficient in 1/4096 of a step; one for each component where geometry is a sequence. */
  readonly magnitudes: Uint32Array;
  /** Which row of `weights` each component takes. */
  readonly groups: Uint8Array;
  /** Rows of `featureCount` weights in 1/4096: how coefficients already known tell the size of the next. */
  readonly weights: Uint16Array;
  /** A distribution for each class of expected size. */
  readonly classes: readonly StaticTable[];
}

/** The tensors of a cut: maps [n, channels, height, width], or sequences [..., channels] of any length. */
export type Geometry =
  | { readonly kind: 'map'; readonly channels: number; readonly height: number; readonly width: number }
  | { readonly kind: 'sequence'; readonly channels: number };

/** How a tensor divides: `samples` times height x width positions of `channels` each. */
export interface Extent {
  readonly samples: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** The extent of a shape, or undefined if the geometry does not have such tensors. */
export function extentOf(geometry: Geometry, shape: readonly number[]): Extent | undefined {
  const { channels } = geometry;
  if (geometry.kind === 'map') {
    const { height, width } = geometry;
    const [samples = 0, ...rest] = shape;
    const same = shape.length === 4 && rest[0] === channels && rest[1] === height && rest[2] === width;
    return same ? { samples, channels, height, width } : undefined;
  }
  if (shape.length < 1 || shape.at(-1) !== channels) return undefined;
  const width = shape.slice(0, -1).reduce((product, dim) => product * dim, 1);
  return { samples: width === 0 ? 0 : 1, channels, height: 1, width };
}
