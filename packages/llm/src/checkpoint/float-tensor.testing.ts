import type { CheckpointTensor } from './checkpoint.js';

/** A tensor of a checkpoint that holds these numbers, in rows of so many columns. */
export function floatTensor(values: Float32Array<ArrayBuffer>, columns: number): CheckpointTensor {
  const readRows = async (first: number, count: number) =>
    new Uint8Array(values.slice(first * columns, (first + count) * columns).buffer);
  return { name: 'random', encoding: 'f32', rows: values.length / columns, columns, plus: 0, readRows };
}
