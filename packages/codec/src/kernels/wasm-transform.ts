import { mostCoefficient } from '../transform/coefficients.js';
import type { TransformKernels } from '../transform/kernels.js';
import { plainTransform } from '../transform/plain.js';
import { outOfRange } from '../transform/quantise.js';
import type { Extent, TransformTable } from '../transform/table.js';
import type { Transform } from '../transform/transform.js';
import { coefficientCoder } from './wasm-coefficients.js';
import { putArray, roomFor, type WasmInstance } from './wasm-instance.js';

/**
 * See `plainTransform`. The numbers of the table are copied in with each sample, as all kernels share their memory; a
 * sample too large for it is left to the plain kernels.
 */
export function openTransform(wasm: WasmInstance, table: TransformTable, transform: Transform): TransformKernels {
  const plain = plainTransform(table, transform);
  const { run } = wasm;
  const { step } = table;
  return {
    coefficientsOf(values, extent) {
      const room = roomOf(wasm, transform, extent);
      if (room === undefined) return plain.coefficientsOf(values, extent);
      const { memory, numbers, means, steps } = room;
      putArray(memory, numbers, values);
      putArray(memory, means, transform.mean);
      run.addMeans(numbers, means, extent.channels, extent.height * extent.width, -1);
      const turned = turn(wasm, room, transform, 'ahead', extent);
      if (run.toSteps(turned, values.length, 1 / step, mostCoefficient, steps) === 0) throw outOfRange();
      return new Int32Array(memory.slice(steps, steps + values.length * 4).buffer);
    },
    valuesOf(coefficients, extent) {
      const room = roomOf(wasm, transform, extent);
      if (room === undefined) return plain.valuesOf(coefficients, extent);
      const { memory, numbers, means, steps } = room;
      putArray(memory, steps, coefficients);
      putArray(memory, means, transform.mean);
      run.fromSteps(steps, coefficients.length, step, numbers);
      const turned = turn(wasm, room, transform, 'back', extent);
      run.addMeans(turned, means, extent.channels, extent.height * extent.width, 1);
      return new Float64Array(memory.slice(turned, turned + coefficients.length * 8).buffer);
    },
    ...coefficientCoder(wasm, table, plain),
  };
}

/** Where things lie while one sample is transformed. */
interface Room {
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly numbers: number;
  readonly rotated: number;
  /** What a product copies together. */
  readonly panels: number;
  /** One map. */
  readonly map: number;
  readonly means: number;
  readonly matrix: number;
  readonly vertical: number;
  readonly horizontal: number;
  readonly steps: number;
}

function roomOf(
  wasm: WasmInstance,
  { mean, rotation, spatial }: Transform,
  { channels, height, width }: Extent,
): Room | undefined {
  const positions = height * width;
  const count = channels * positions;
  const room = roomFor(wasm, [
    count * 8,
    rotation === undefined ? 0 : count * 8,
    rotation === undefined ? 0 : 8 * channels * (positions + 7),
    spatial === undefined ? 0 : positions * 8,
    mean.byteLength,
    rotation?.ahead.byteLength ?? 0,
    spatial?.vertical.ahead.byteLength ?? 0,
    spatial?.horizontal.ahead.byteLength ?? 0,
    count * 4,
  ]);
  if (room === undefined) return undefined;
  const [numbers, rotated, panels, map, means, matrix, vertical, horizontal, steps] = room.at;
  return { memory: room.memory, numbers, rotated, panels, map, means, matrix, vertical, horizontal, steps };
}

/** Rotates channels and turns maps into frequencies, or back. @returns where the numbers lie then */
function turn(
  { run }: WasmInstance,
  { memory, numbers, rotated, panels, map, matrix, vertical, horizontal }: Room,
  { rotation, spatial }: Transform,
  way: 'ahead' | 'back',
  { channels, height, width }: Extent,
): number {
  const out = rotation === undefined ? numbers : rotated;
  if (rotation !== undefined) {
    putArray(memory, matrix, rotation[way]);
    run.multiplyLarge(out, matrix, numbers, channels, channels, height * width, panels);
  }
  if (spatial !== undefined) {
    putArray(memory, vertical, spatial.vertical[way]);
    putArray(memory, horizontal, spatial.horizontal[way]);
    run.multiplyMaps(out, map, channels, height, width, vertical, horizontal);
  }
  return out;
}
