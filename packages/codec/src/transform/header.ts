import { CutpointError, elementCount } from '@cutpoint/core';
import type { RansDecoder, RansEncoder } from '../entropy/rans.js';
import { type FloatType, floatTypes } from './numbers.js';
import { type Extent, extentOf, type Geometry } from './table.js';

const mostRank = 8;

/**
 * Writes element type and shape: three bits where the shape is one map of the table's, or one token of its sequences. Of
 * other sequences the last dimension, which the table knows, is not written.
 */
export function writeHeader(encoder: RansEncoder, geometry: Geometry, type: FloatType, shape: readonly number[]): void {
  encoder.putBits(floatTypes.indexOf(type), 2);
  const usual = isUsual(geometry, shape);
  encoder.putBits(usual ? 1 : 0, 1);
  if (usual) return;
  encoder.putBits(shape.length, 4);
  for (const dim of shape.slice(0, shape.length - knownDims(geometry))) putDim(encoder, dim);
}

/** What `writeHeader` wrote. @throws CutpointError CUT_CODEC_PAYLOAD if the table has no such tensors, or it is too large. */
export function readHeader(
  decoder: RansDecoder,
  geometry: Geometry,
  maxElements: number,
): { type: FloatType; shape: number[]; extent: Extent } {
  const type = floatTypes[decoder.bits(2)] ?? 'f32';
  const shape = decoder.bits(1) === 1 ? usualShape(geometry) : readShape(decoder, geometry);
  const extent = extentOf(geometry, shape);
  if (extent === undefined) {
    throw new CutpointError('CUT_CODEC_PAYLOAD', `The table of the transform has no tensors [${shape.join(', ')}].`);
  }
  if (elementCount(shape) > maxElements) {
    const message = `The payload claims ${elementCount(shape)} elements, above the limit of ${maxElements}.`;
    throw new CutpointError('CUT_CODEC_PAYLOAD', message);
  }
  return { type, shape, extent };
}

function usualShape(geometry: Geometry): number[] {
  const { channels } = geometry;
  return geometry.kind === 'map' ? [1, channels, geometry.height, geometry.width] : [1, channels];
}

/** How many of a shape's last dimensions are always those of the table. */
function knownDims({ kind }: Geometry): number {
  return kind === 'map' ? 0 : 1;
}

function isUsual(geometry: Geometry, shape: readonly number[]): boolean {
  const usual = usualShape(geometry);
  return shape.length === usual.length && shape.every((dim, i) => dim === usual[i]);
}

function readShape(decoder: RansDecoder, geometry: Geometry): number[] {
  const rank = decoder.bits(4);
  if (rank > mostRank || rank < knownDims(geometry)) {
    throw new CutpointError('CUT_CODEC_PAYLOAD', `The payload claims ${rank} dimensions.`);
  }
  const dims = Array.from({ length: rank - knownDims(geometry) }, () => readDim(decoder));
  return geometry.kind === 'map' ? dims : [...dims, geometry.channels];
}

/** Seven bits at a time, the lowest first, and before each seven whether others follow. */
function putDim(encoder: RansEncoder, dim: number): void {
  let left = dim;
  while (left > 127) {
    encoder.putBits(128 + (left % 128), 8);
    left = Math.floor(left / 128);
  }
  encoder.putBits(left, 8);
}

const mostDim = 2 ** 31 - 1;

function readDim(decoder: RansDecoder): number {
  let dim = 0;
  for (let place = 1; place <= mostDim; place *= 128) {
    const bits = decoder.bits(8);
    dim += (bits % 128) * place;
    if (bits < 128 && dim <= mostDim) return dim;
  }
  throw new CutpointError('CUT_CODEC_PAYLOAD', `The payload claims a dimension above ${mostDim}.`);
}
