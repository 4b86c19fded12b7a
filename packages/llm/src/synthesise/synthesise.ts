import { createHash } from 'node:crypto';
import type { CancelSignal } from '@cutpoint/core';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import { blocksOf, type MatrixWidth, type WeightBits } from '../checkpoint/widths.js';
import type { BlockSize, PackageManifest } from '../package/package-manifest.js';
import { layerShapes } from '../package/required-weights.js';
import type { PartContent, WeightContent } from '../package/weight-content.js';
import { type PackageContent, packageBytes, writePackage } from '../package/write-package.js';
import { decoderOfShape, type ShapeName } from './known-shapes.js';
import { ones, randomMatrix } from './random-weight.js';

export interface SynthesiseRequest {
  readonly shape: ShapeName;
  readonly bits: WeightBits;
  readonly block: BlockSize;
  /** Where the package shall be; nothing may be there yet. */
  readonly folder: string;
  readonly signal?: CancelSignal | undefined;
  /** How much of the weights is written. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

/**
 * Writes a package of random weights in the shape of a known model, for measurements of speed and memory: always the same
 * bytes. It has no tokenizer.
 * @throws CutpointError CUT_DISK_FULL, CUT_FILE_WRITE, CUT_CANCELLED
 */
export async function synthesisePackage(request: SynthesiseRequest): Promise<PackageManifest> {
  const { shape, bits, block, folder, signal, onProgress } = request;
  const content = randomContent(shape, decoderOfShape(shape), bits, block);
  const totalBytes = packageBytes(content);
  let doneBytes = 0;
  const onBytes = (bytes: number) => {
    doneBytes += bytes;
    onProgress?.(doneBytes, totalBytes);
  };
  return await writePackage(folder, content, { signal, onBytes });
}

/** Random weights for any decoder, in the widths in which an import would store them. */
export function randomContent(name: string, config: DecoderConfig, bits: WeightBits, block: BlockSize): PackageContent {
  let seed = 0;
  const part = <Name extends string>(shapes: Shapes<Name>, own: WeightBits): PartContent<Name> => {
    const made = randomPart(shapes, own, block, seed);
    seed += Object.keys(shapes).length;
    return made;
  };
  const table = [config.vocabularySize, config.hiddenSize];
  return {
    name,
    checkpoint: createHash('sha256')
      .update(JSON.stringify([name, config]))
      .digest('hex'),
    config,
    embedding: part({ table }, bits < 8 ? 8 : bits),
    layers: Array.from({ length: config.layers }, () => part(layerShapes(config), bits)),
    head: part({ norm: [config.hiddenSize], matrix: table }, bits === 2 ? 4 : bits),
    tokenizer: [],
  };
}

type Shapes<Name extends string> = Readonly<Partial<Record<Name, readonly number[]>>>;

/**
 * Random weights of these shapes: matrices in a width, vectors of ones.
 * @param seed of what comes before the first; each next weight has one more.
 */
export function randomPart<Name extends string>(
  shapes: Shapes<Name>,
  bits: WeightBits,
  block: BlockSize,
  seed: number,
): PartContent<Name> {
  const width: MatrixWidth =
    bits === 16 || bits === 32 ? { kind: 'float', dtype: bits === 16 ? 'f16' : 'f32' } : blocksOf(bits, block);
  const weight = ([rows = 1, columns]: readonly number[], own: number): WeightContent =>
    columns === undefined ? ones(rows) : randomMatrix(rows, columns, width, own);
  return Object.fromEntries(
    Object.entries<readonly number[] | undefined>(shapes).map(([key, shape], i) => [
      key,
      weight(shape ?? [], seed + i + 1),
    ]),
  ) as PartContent<Name>;
}
