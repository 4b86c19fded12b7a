import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { limits } from '../package/manifest-schema.js';
import { type WeightBits, weightBits } from './widths.js';

const bits = z.literal([...weightBits]);

const layerBitsSchema = z.strictObject({
  layers: z.array(bits).min(1).max(limits.layers),
  head: bits.optional(),
  embedding: z.literal([8, 16, 32]).optional(),
});

/** A width for each layer, and for head and embedding where they are to differ from the others. */
export interface LayerBits {
  readonly layers: readonly WeightBits[];
  readonly head?: WeightBits | undefined;
  readonly embedding?: 8 | 16 | 32 | undefined;
}

/** One width for the layers before a cut, another for those behind it (one-point split compression, OPSC). */
export interface SplitBits {
  readonly cut: number;
  readonly front: WeightBits;
  readonly back: WeightBits;
}

/** The width of each layer, and of the head and the embedding: of the side that has them. @throws CutpointError CUT_USAGE */
export function layerBitsOf(bits: LayerBits | SplitBits, layers: number): LayerBits {
  if ('layers' in bits) return bits;
  const { cut, front, back } = bits;
  if (cut > layers)
    throw new CutpointError('CUT_USAGE', `There is no cut at ${cut}: the model has layers 0 to ${layers}.`);
  const embedding = front === 2 || front === 4 ? 8 : front;
  return { layers: Array.from({ length: layers }, (_, layer) => (layer < cut ? front : back)), head: back, embedding };
}

/**
 * Checks the content of a `--layer-bits` file: `{"layers": [8, 4, 4, 8], "head": 8}`.
 * @throws CutpointError CUT_USAGE
 */
export function parseLayerBits(value: unknown, source: string): LayerBits {
  const { success, data, error } = layerBitsSchema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  const place = issue?.path.join('.') || 'the file';
  const message = `${source} does not state widths (${place}: ${issue?.message ?? 'not valid'}); it should be like {"layers": [8, 4, 4, 8], "head": 8}.`;
  throw new CutpointError('CUT_USAGE', message);
}
