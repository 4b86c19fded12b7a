import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dequantiseRows } from '../quantise/quantise-rows.js';
import type { FileSpan, PackagePart, StoredWeight } from './package-manifest.js';

/** Reads a weight of a package as floats. */
export function floatsOf(folder: string, part: PackagePart<string>, name: string): Float32Array {
  const weight = part.weights[name];
  if (weight === undefined) throw new Error(`${part.path} has no ${name}`);
  return floatsIn(readFileSync(join(folder, part.path)), weight);
}

function floatsIn(file: Buffer, weight: StoredWeight): Float32Array {
  const at = ({ offset, bytes }: FileSpan) => new Uint8Array(file.subarray(offset, offset + bytes));
  if (weight.kind === 'blocks') {
    const { rows, columns, codes, scales, zeroPoints } = weight;
    const piece = {
      values: at(codes),
      scales: at(scales),
      zeroPoints: zeroPoints ? at(zeroPoints) : new Uint8Array(0),
    };
    return dequantiseRows(piece, rows, columns, { ...weight, zeroPoints: zeroPoints !== null });
  }
  if (weight.dtype === 'f32') return new Float32Array(at(weight.span).buffer);
  throw new Error('Floats of 16 bits are not read here');
}

/** The root of the mean squared difference, as a share of that of `whole`. */
export function relativeError(part: Float32Array, whole: Float32Array): number {
  let [difference, all] = [0, 0];
  for (const [i, value] of whole.entries()) {
    difference += (value - (part[i] ?? Number.NaN)) ** 2;
    all += value ** 2;
  }
  return Math.sqrt(difference / all);
}
