import type { KernelSource } from '../../device/kernel.js';
import { elementThreads } from './elementwise.js';
import { rowKernelText } from './row-text.js';

/** result[row] = input[which[row]]. */
export function pickRowsKernel(size: number): KernelSource {
  return rowKernelText({
    label: 'pick rows',
    storage: [
      ['input', 'read', 'array<f32>'],
      ['result', 'write', 'array<f32>'],
      ['which', 'read', 'array<u32>'],
    ],
    threads: elementThreads,
    body: `
  let column = group.x * ${elementThreads}u + thread;
  if (column < ${size}u) { result[group.y * ${size}u + column] = input[which[group.y] * ${size}u + column]; }`,
  });
}

/** What `largestKernel` gives for a row that holds NaN. */
export const noToken = 0xffff_ffff;

const threads = 256;

/** The index of the largest number of each row, the first of equal ones; `noToken` where one is not a number. */
export function largestKernel(size: number): KernelSource {
  return rowKernelText({
    label: 'largest',
    storage: [
      ['input', 'read', 'array<f32>'],
      ['result', 'write', 'array<u32>'],
    ],
    threads,
    sharedBytes: 8 * threads,
    declarations: `
var<workgroup> best: array<f32, ${threads}>;
var<workgroup> bestAt: array<u32, ${threads}>;`,
    body: `
  let first = group.y * ${size}u;
  var own = -3.4e38;
  var at = ${size}u;
  for (var i = thread; i < ${size}u; i += ${threads}u) {
    let value = input[first + i];
    // Compilers may take it that nothing is NaN; its bits they do not know.
    if ((bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u) { at = ${noToken}u; break; }
    if (value > own || at == ${size}u) { own = value; at = i; }
  }
  best[thread] = own;
  bestAt[thread] = at;
  workgroupBarrier();
  for (var apart = ${threads / 2}u; apart > 0u; apart /= 2u) {
    if (thread < apart) {
      let other = bestAt[thread + apart];
      let better = best[thread + apart] > best[thread] || (best[thread + apart] == best[thread] && other < bestAt[thread]);
      let take = bestAt[thread] != ${noToken}u && other != ${size}u && (better || bestAt[thread] == ${size}u || other == ${noToken}u);
      if (take) {
        best[thread] = best[thread + apart];
        bestAt[thread] = other;
      }
    }
    workgroupBarrier();
  }
  if (thread == 0u) { result[group.y] = bestAt[0]; }`,
  });
}
