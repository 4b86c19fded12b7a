import { CutpointError, elementCount } from '@cutpoint/core';
import type { RansDecoder, RansEncoder } from '../entropy/rans.js';
import { type FloatType, floatTypes } from './numbers.js';
import { type Extent, extentOf, type Geometry } from './table.js';

const mostRank = 8;

/** Writes element type and shape: three bits where the shape is one map of the table's. */
export function writeHeader(encoder: RansEncoder, geometry: Geometry, type: FloatType, shape: readonly number[]): void {
  encoder.putBits(floatTypes.indexOf(type), 2);
  const usual = isUsual(geometry, shape);
  encoder.putBits(usual ? 1 : 0, 1);
  if (usual) return;
  encoder.putBits(shape.length, 4);
  for (const dim of shape) {
    for (let shift = 24; shift >= 0; shift -= 8) encoder.putBits((dim >>> shift) & 255, 8);
  }
}

/** What `writeHeader` wrote. @throws CutpointError CUT_CODEC_PAYLOAD if the table has no such tensors, or it is too large. */
export function readHeader(
  decoder: RansDecoder,
  geometry: Geometry,
  maxElements: number,
): { type: FloatType; shape: number[]; extent: Extent } {
  const type = floatTypes[decoder.bits(2)] ?? 'f32';
  const shape = decoder.bits(1) === 1 ? usualShape(geometry) : readShape(decoder);
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
  return geometry.kind === 'map' ? [1, channels, geometry.height, geometry.width] : [1, 1, channels];
}

function isUsual(geometry: Geometry, shape: readonly number[]): boolean {
  const usual = usualShape(geometry);
  return shape.length === usual.length && shape.every((dim, i) => dim === usual[i]);
}

function readShape(decoder: RansDecoder): number[] {
  const rank = decoder.bits(4);
  if (rank > mostRank) throw new CutpointError('CUT_CODEC_PAYLOAD', `The payload claims ${rank} dimensions.`);
  return Array.from({ length: rank }, () => {
    let dim = 0;
    for (let i = 0; i < 4; i++) dim = dim * 256 + decoder.bits(8);
    return dim;
  });
}
