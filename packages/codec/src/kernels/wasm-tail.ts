import type { TabqOptions } from './kernels.js';
import { endOfBin, magnitudeBins } from './tail.js';
import type { WasmInstance } from './wasm-instance.js';

/** Room for the counts of magnitudes. */
export const tailBytes = magnitudeBins * 4;

/** The largest magnitude that is no outlier, of elements that lie in the module: as tabq.ts has it, rounded down to f32. */
export function tauOf(
  { run }: WasmInstance,
  numbers: number,
  count: number,
  { least, rho }: Pick<TabqOptions, 'least' | 'rho'>,
  counts: number,
): number {
  const tail = endOfBin(run.tailBin(numbers, count, Math.floor(rho * count), counts) - 1);
  return Math.max(floorToF32(least), tail);
}

/** The largest f32 that is not above a number from 0 up: comparing with it tells the same of any f32. */
function floorToF32(number: number): number {
  const rounded = new Float32Array([number]);
  const bits = new Uint32Array(rounded.buffer);
  if ((rounded[0] ?? 0) > number) bits[0] = (bits[0] ?? 0) - 1;
  return rounded[0] ?? 0;
}
