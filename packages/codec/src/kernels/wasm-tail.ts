import type { Outliers, TabqOptions } from './kernels.js';
import { endOfBin, magnitudeBins } from './tail.js';
import type { WasmInstance } from './wasm-instance.js';

/** Bytes for the counts of magnitudes, and for the places of outliers among so many elements. */
export function tailSizes(count: number): readonly [counts: number, places: number] {
  return [magnitudeBins * 4, count * 4];
}

/** Where elements lie in the module, in the tensor's order, and room as `tailSizes` has it. */
interface TailRoom {
  readonly numbers: number;
  readonly counts: number;
  readonly places: number;
}

/**
 * The outliers of elements that lie in the module, where no numbers take their places.
 * @returns with them the largest magnitude that is none: as tabq.ts has it, rounded down to f32
 */
export function takeOutliers(
  { run, views }: WasmInstance,
  { numbers, counts, places }: TailRoom,
  values: Float32Array,
  { least, rho }: Pick<TabqOptions, 'least' | 'rho'>,
): { readonly tau: number; readonly outliers: Outliers } {
  const first = run.tailBin(numbers, values.length, Math.floor(rho * values.length), counts, places);
  const tau = Math.max(floorToF32(least), endOfBin(first - 1));
  const taken = run.takeOutliers(numbers, tau, places);
  const at = views().u32.slice(places / 4, places / 4 + taken);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const kept = new Uint32Array(taken);
  for (let i = 0; i < taken; i++) kept[i] = bits[at[i] as number] as number;
  return { tau, outliers: { at, values: new Float32Array(kept.buffer) } };
}

/** The largest f32 that is not above a number from 0 up: comparing with it tells the same of any f32. */
function floorToF32(number: number): number {
  const rounded = Math.fround(number);
  if (rounded <= number) return rounded;
  const bits = new Uint32Array(Float32Array.of(rounded).buffer);
  bits[0] = (bits[0] as number) - 1;
  return new Float32Array(bits.buffer)[0] as number;
}
