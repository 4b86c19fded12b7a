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

/** What kernels give for a row of which no token can be chosen: it holds NaN or Infinity, or nothing but -Infinity. */
export const noToken = 0xffff_ffff;

/** Compilers may take it that nothing is NaN or infinite; bits they do not know. */
export const infinityText = `
const minusInfinity = 0xff800000u;
fn isNonsense(bits: u32) -> bool {
  return (bits & 0x7fffffffu) > 0x7f800000u || bits == 0x7f800000u;
}`;

const threads = 256;

/** The index of the largest number of each row, the first of equal ones; `noToken` unless the largest is finite and all are numbers. */
export function largestKernel(size: number): KernelSource {
  return rowKernelText({
    label: 'largest',
    storage: [
      ['input', 'read', 'array<f32>'],
      ['result', 'write', 'array<u32>'],
    ],
    threads,
    sharedBytes: 8 * threads,
    declarations: `${infinityText}
var<workgroup> best: array<f32, ${threads}>;
var<workgroup> bestAt: array<u32, ${threads}>;`,
    body: `
  let first = group.y * ${size}u;
  var own = 0.0;
  var at = ${size}u;
  for (var i = thread; i < ${size}u; i += ${threads}u) {
    let value = input[first + i];
    let bits = bitcast<u32>(value);
    if (isNonsense(bits)) { at = ${noToken}u; break; }
    if (bits == minusInfinity) { continue; }
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
  if (thread == 0u) { result[group.y] = select(bestAt[0], ${noToken}u, bestAt[0] == ${size}u); }`,
  });
}
