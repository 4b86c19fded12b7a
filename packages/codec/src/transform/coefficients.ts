import { CutpointError } from '@cutpoint/core';
import type { RansDecoder, RansEncoder } from '../entropy/rans.js';
import { Contexts } from './contexts.js';
import type { Extent, TransformTable } from './table.js';

/** Cells up to this far from zero have a symbol of their own; one more symbol says that a cell is further away. */
const mostCell = 31;
export const symbolCount = 2 * mostCell + 2;
const farSymbol = symbolCount - 1;
/** Coefficients beyond this are refused: they fit no sensible table. */
export const mostCoefficient = 1 << 22;

/** How many of the lowest bits of a coefficient go as they are: where it is expected large, they are nearly even. */
export function plainBits(index: number): number {
  return Math.max(0, (index >> 2) - 11);
}

/** The symbol of a cell (a coefficient without its plain bits): 0, 1, -1, 2, -2, ... and the one for those far away. */
export function symbolOf(cell: number): number {
  if (cell > mostCell || cell < -mostCell) return farSymbol;
  return cell > 0 ? 2 * cell - 1 : -2 * cell;
}

/** Visits the coefficients of a sample in the order in which they are coded. */
export function visit(
  contexts: Contexts,
  { channels, height, width }: Extent,
  each: (index: number, place: number, component: number) => number,
): void {
  let index = 0;
  for (let component = 0; component < channels; component++) {
    contexts.beginComponent(component);
    for (let row = 0; row < height; row++) {
      let place = contexts.placeOf(row, 0);
      for (let column = 0; column < width; column++, index++, place++) {
        const value = each(index, place, component);
        if (value !== 0) contexts.learn(place, index, value < 0 ? -value : value);
      }
    }
    contexts.endComponent();
  }
}

/** Codes the coefficients of one sample. */
export function encodeCoefficients(
  encoder: RansEncoder,
  table: TransformTable,
  extent: Extent,
  values: Int32Array,
): void {
  const contexts = new Contexts(table, extent);
  visit(contexts, extent, (index, place) => {
    const value = values[index] as number;
    const own = contexts.classOf(place, index);
    const plain = plainBits(own);
    const cell = value >> plain;
    const symbol = symbolOf(cell);
    (table.classes[own] as TransformTable['classes'][number]).encode(encoder, symbol);
    if (symbol === farSymbol) putFar(encoder, cell);
    if (plain > 0) encoder.putBits(value & ((1 << plain) - 1), plain);
    return value;
  });
}

/** The coefficients of one sample. @throws CutpointError CUT_CODEC_PAYLOAD if they are damaged. */
export function decodeCoefficients(
  decoder: RansDecoder,
  table: TransformTable,
  extent: Extent,
): Int32Array<ArrayBuffer> {
  const values = new Int32Array(extent.channels * extent.height * extent.width);
  const contexts = new Contexts(table, extent);
  visit(contexts, extent, (index, place) => {
    const own = contexts.classOf(place, index);
    const symbol = (table.classes[own] as TransformTable['classes'][number]).decode(decoder);
    let value = symbol & 1 ? (symbol + 1) >> 1 : -(symbol >> 1);
    if (symbol === farSymbol) value = far(decoder);
    const plain = plainBits(own);
    if (plain > 0) value = (value << plain) | decoder.bits(plain);
    values[index] = value;
    return value;
  });
  return values;
}

/** Sign, then the excess over the last cell with a symbol by an Elias gamma code. */
function putFar(encoder: RansEncoder, cell: number): void {
  encoder.putBits(cell < 0 ? 1 : 0, 1);
  const excess = Math.abs(cell) - mostCell;
  const width = 31 - Math.clz32(excess);
  encoder.putBits(width, 5);
  for (let left = width; left > 0; left -= Math.min(left, 12)) {
    const bits = Math.min(left, 12);
    encoder.putBits((excess >>> (left - bits)) & ((1 << bits) - 1), bits);
  }
}

function far(decoder: RansDecoder): number {
  const negative = decoder.bits(1) === 1;
  const width = decoder.bits(5);
  if (width > 22) throw tooLarge();
  let excess = 1;
  for (let left = width; left > 0; left -= Math.min(left, 12)) {
    const bits = Math.min(left, 12);
    excess = (excess << bits) | decoder.bits(bits);
  }
  return negative ? -(excess + mostCell) : excess + mostCell;
}

/** What is thrown for a payload with a coefficient that no encoder puts. */
export function tooLarge(): CutpointError {
  return new CutpointError('CUT_CODEC_PAYLOAD', 'A coefficient in the payload is too large.');
}
