import type { KernelSource } from '../../device/kernel.js';
import { encodeParams, stateText } from './encode-params.js';
import { type GroupLanes, joinLanes, laneText } from './group-lanes.js';
import { halfStepsText } from './half-steps.js';
import { codecKernel, groupText } from './kernel-text.js';

/** The lowest and highest element of each group that are no outliers; 0 and 0 where there is none. */
export function groupRangesKernel(lanes: GroupLanes): KernelSource {
  const { threads } = lanes;
  return codecKernel({
    label: 'find ranges',
    params: encodeParams,
    storage: [
      ['values', 'read', 'array<u32>'],
      ['lows', 'write', 'array<f32>'],
      ['highs', 'write', 'array<f32>'],
      ['state', 'write', 'State'],
    ],
    threads,
    sharedBytes: 12 * threads,
    declarations: [
      stateText,
      groupText,
      halfStepsText,
      `
const LARGEST = 3.4e38;
var<workgroup> lowest: array<f32, ${threads}>;
var<workgroup> highest: array<f32, ${threads}>;
var<workgroup> outliers: array<u32, ${threads}>;`,
    ],
    body: `${laneText(lanes)}
  let tau = atomicLoad(&state.tau);
  var low = LARGEST;
  var high = -LARGEST;
  var outside = 0u;
  for (var l = lane; l < end; l += ${lanes.lanes}u) {
    let bits = values[start + l * params.inner];
    if ((bits & 0x7fffffffu) <= tau) {
      low = min(low, bitcast<f32>(bits));
      high = max(high, bitcast<f32>(bits));
    } else { outside += 1u; }
  }
  lowest[thread] = low;
  highest[thread] = high;
  outliers[thread] = outside;
  ${joinLanes(
    lanes,
    `
      lowest[thread] = min(lowest[thread], lowest[other]);
      highest[thread] = max(highest[thread], highest[other]);
      outliers[thread] += outliers[other];`,
  )}
  if (lane == 0u && isGroup) {
    let any = lowest[thread] <= highest[thread];
    // What is equal to 0 may be -0, which counts as +0.
    let bottom = select(0.0, lowest[thread], any && lowest[thread] != 0.0);
    let top = select(0.0, highest[thread], any && highest[thread] != 0.0);
    lows[group] = bottom;
    highs[group] = top;
    if (!fitsHalf(bottom, top)) { atomicStore(&state.unfit, 1u); }
    if (outliers[thread] > 0u) { atomicAdd(&state.outside, outliers[thread]); }
  }`,
  });
}
