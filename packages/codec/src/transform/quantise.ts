import { CutpointError } from '@cutpoint/core';
import { mostCoefficient } from './coefficients.js';

/** The nearest multiples of the step, halves up. @throws CutpointError CUT_CODEC if one is too large or not a number. */
export function quantise(coefficients: Float64Array, step: number): Int32Array<ArrayBuffer> {
  const values = new Int32Array(coefficients.length);
  const perStep = 1 / step;
  let most = 0;
  for (let i = 0; i < coefficients.length; i++) {
    const nearest = Math.floor((coefficients[i] as number) * perStep + 0.5);
    values[i] = nearest;
    most = Math.max(most, nearest < 0 ? -nearest : nearest);
  }
  if (!(most <= mostCoefficient)) throw outOfRange();
  return values;
}

/** What is thrown for a tensor whose coefficients cannot be quantised. */
export function outOfRange(): CutpointError {
  return new CutpointError('CUT_CODEC', 'The tensor holds NaN, infinity or values far beyond those calibrated with.');
}
