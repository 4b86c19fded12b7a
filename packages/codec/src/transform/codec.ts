import { CutpointError, describeType, type Tensor } from '@cutpoint/core';
import type { Codec } from '../codec.js';
import { RansDecoder, RansEncoder } from '../entropy/rans.js';
import type { Kernels } from '../kernels/kernels.js';
import { typescriptKernels } from '../kernels/typescript.js';
import { tags } from '../payload.js';
import type { CodecSpec } from '../spec/spec.js';
import { readHeader, writeHeader } from './header.js';
import { type FloatType, numbersOf, roundingNorm, tensorOfNumbers } from './numbers.js';
import { type Extent, extentOf, type TransformTable } from './table.js';
import { requireTable, type TransformTables, tableNameIn } from './tables.js';
import { errorOf, transformOf } from './transform.js';

/**
 * Opens codecs `transform:table=NAME` from tables by name: for `CodecResources.transform`.
 * @throws CutpointError, when called with a spec: CUT_CODEC_TABLE if there is no such table, CUT_USAGE if it is wrong.
 */
export function transformCodecs(tables: TransformTables): (spec: CodecSpec, kernels: Kernels) => Codec {
  return (spec, kernels) => {
    const name = tableNameIn(spec);
    return transformCodec(name, requireTable(tables, name), kernels);
  };
}

/** First byte of a payload: what made it. */
const tag = tags.transform * 4;

/**
 * The codec of a calibrated cut: the mean taken away, channels rotated to their principal components, maps turned into
 * frequencies, one uniform step, and rANS under tables that expect each coefficient to be as large as its neighbours tell.
 * A payload is a byte that names the codec, and one rANS stream: its end tells damage from what was sent. The bytes, and
 * what is decoded, are the same on every machine: sums are binary64 in a fixed order, and integers choose the tables.
 * @param name of the table, for the spec `transform:table=NAME`.
 * @param kernels the arithmetic; plain TypeScript if not given.
 */
export function transformCodec(name: string, table: TransformTable, kernels: Kernels = typescriptKernels): Codec {
  const transform = transformOf(table);
  const arithmetic = kernels.openTransform(table, transform);
  const { geometry, step } = table;

  function opened(tensor: Tensor): { type: FloatType; numbers: Float64Array<ArrayBuffer>; extent: Extent } {
    const found = numbersOf(tensor);
    const extent = extentOf(geometry, tensor.shape);
    if (found === undefined || extent === undefined) {
      const message = `The transform was calibrated for ${describeGeometry(table)}, not ${describeType(tensor.dtype, tensor.shape)}: choose another codec.`;
      throw new CutpointError('CUT_CODEC', message);
    }
    return { ...found, extent };
  }

  return {
    spec: `transform:table=${name}`,
    encode(tensor) {
      const { type, numbers, extent } = opened(tensor);
      const encoder = new RansEncoder();
      writeHeader(encoder, geometry, type, tensor.shape);
      const size = extent.channels * extent.height * extent.width;
      for (let s = 0; s < extent.samples; s++) {
        const sample = channelsFirst(numbers.subarray(s * size, (s + 1) * size), table);
        arithmetic.encode(encoder, arithmetic.coefficientsOf(sample, extent), extent);
      }
      const coded = arithmetic.finish(encoder);
      const payload = new Uint8Array(coded.length + 1);
      payload[0] = tag;
      payload.set(coded, 1);
      return payload;
    },
    decode(payload, { maxElements }) {
      if (payload[0] !== tag) throw new CutpointError('CUT_CODEC_PAYLOAD', 'The payload was made by another codec.');
      const decoder = new RansDecoder(payload.subarray(1));
      const { type, shape, extent } = readHeader(decoder, geometry, maxElements);
      const size = extent.channels * extent.height * extent.width;
      const numbers = new Float64Array(size * extent.samples);
      for (let s = 0; s < extent.samples; s++) {
        const sample = arithmetic.valuesOf(arithmetic.decode(decoder, extent), extent);
        numbers.set(channelsLast(sample, table), s * size);
      }
      decoder.end();
      return tensorOfNumbers(type, shape, numbers);
    },
    bound(tensor) {
      const { type, numbers, extent } = opened(tensor);
      const norm = Math.sqrt(numbers.reduce((sum, value) => sum + value * value, 0));
      const positions = extent.height * extent.width * extent.samples;
      const meanNorm = Math.sqrt(table.mean.reduce((sum, value) => sum + value * value, 0) * positions);
      const own = errorOf(transform, step, extent, norm + meanNorm) * Math.sqrt(extent.samples);
      return { kind: 'norm', most: own + roundingNorm(type, numbers.length, norm + own) };
    },
  };
}

function describeGeometry({ geometry }: TransformTable): string {
  return geometry.kind === 'map'
    ? `maps [n, ${geometry.channels}, ${geometry.height}, ${geometry.width}]`
    : `sequences [..., ${geometry.channels}]`;
}

/** Sequences come position by position; the transform takes channel by channel. */
function channelsFirst(values: Float64Array, { geometry: { kind, channels } }: TransformTable): Float64Array {
  return kind === 'map' ? values : turned(values, values.length / channels, channels);
}

function channelsLast(values: Float64Array, { geometry: { kind, channels } }: TransformTable): Float64Array {
  return kind === 'map' ? values : turned(values, channels, values.length / channels);
}

function turned(values: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(values.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c] as number;
  return out;
}
