import type { KernelSource } from '../../device/kernel.js';
import { encodeParams, stateText } from './encode-params.js';
import { codecKernel, usualThreads } from './kernel-text.js';

/** Bins of magnitudes: as `tailMagnitude` of packages/codec has them. */
export const tailBins = 4096;
const binShift = 19;
const binsEach = tailBins / usualThreads;

/** Counts magnitudes: first among the elements of a workgroup, as most fall into few bins. */
export function countTailKernel(): KernelSource {
  return codecKernel({
    label: 'count magnitudes',
    params: encodeParams,
    storage: [
      ['values', 'read', 'array<u32>'],
      ['counts', 'write', `array<atomic<u32>, ${tailBins}>`],
    ],
    sharedBytes: 4 * tailBins,
    declarations: [`var<workgroup> own: array<atomic<u32>, ${tailBins}>;`],
    body: `
  for (var bin = thread; bin < ${tailBins}u; bin += ${usualThreads}u) { atomicStore(&own[bin], 0u); }
  workgroupBarrier();
  let all = count.x * count.y * ${usualThreads}u;
  for (var element = workgroup * ${usualThreads}u + thread; element < params.elements; element += all) {
    atomicAdd(&own[(values[params.first + element] & 0x7fffffffu) >> ${binShift}u], 1u);
  }
  workgroupBarrier();
  for (var bin = thread; bin < ${tailBins}u; bin += ${usualThreads}u) {
    let counted = atomicLoad(&own[bin]);
    if (counted > 0u) { atomicAdd(&counts[bin], counted); }
  }`,
  });
}

/** Finds tau: the bits of a magnitude are in the order of magnitudes. One workgroup. */
export function findTailKernel(): KernelSource {
  return codecKernel({
    label: 'find the tail',
    params: encodeParams,
    storage: [
      ['counts', 'read', `array<u32, ${tailBins}>`],
      ['state', 'write', 'State'],
    ],
    sharedBytes: 4 * usualThreads,
    declarations: [stateText, `var<workgroup> parts: array<u32, ${usualThreads}>;`],
    body: `
  var part = 0u;
  for (var i = 0u; i < ${binsEach}u; i++) { part += counts[thread * ${binsEach}u + i]; }
  parts[thread] = part;
  workgroupBarrier();
  if (thread == 0u) {
    var above = 0u;
    var first = ${tailBins}u;
    while (first > 0u && above + parts[first / ${binsEach}u - 1u] <= params.outliers) {
      above += parts[first / ${binsEach}u - 1u];
      first -= ${binsEach}u;
    }
    while (first > 0u && above + counts[first - 1u] <= params.outliers) {
      above += counts[first - 1u];
      first -= 1u;
    }
    // The last before the bin, and never from 2^126 on.
    let end = min(first, ${0x7e_80_00_00 >>> binShift}u) << ${binShift}u;
    atomicStore(&state.tau, max(max(end, 1u) - 1u, params.least));
  }`,
  });
}
