import type { KernelSource } from '../../device/kernel.js';
import { encodeParams, stateText } from './encode-params.js';
import { type GroupLanes, joinLanes, laneText } from './group-lanes.js';
import { halfStepsText } from './half-steps.js';
import { codecKernel, groupText } from './kernel-text.js';

const [leastWidth, mostWidth] = [2, 8];
/** The errors of each width, and at place 0 the energy. */
const sumCount = mostWidth + 1;

/**
 * Low, scale and width of each group. Where the width is searched for (packages/codec/src/kernels/tabq.ts), the errors of all widths are
 * summed in one pass, in steps squared, and the energy in units of the group's largest magnitude, so that f32 holds both.
 */
export function chooseStepsKernel(lanes: GroupLanes, searched: boolean): KernelSource {
  const { threads } = lanes;
  return codecKernel({
    label: searched ? 'search widths' : 'choose steps',
    params: encodeParams,
    storage: [
      ...(searched ? ([['values', 'read', 'array<u32>']] as const) : []),
      ['lows', 'write', 'array<f32>'],
      ['highs', 'read', 'array<f32>'],
      ['scales', 'write', 'array<f32>'],
      ['widths', 'write', 'array<u32>'],
      ['state', 'write', 'State'],
    ],
    threads,
    sharedBytes: searched ? 4 * sumCount * threads : 0,
    declarations: [
      stateText,
      groupText,
      halfStepsText,
      ...(searched ? [`var<workgroup> joined: array<array<f32, ${sumCount}>, ${threads}>;`, keepsBudget] : []),
    ],
    body: `${laneText(lanes)}
  let narrow = params.mayBeNarrow != 0u && atomicLoad(&state.unfit) == 0u;
  let own = select(0u, group, isGroup);
  let lowest = lows[own];
  let high = highs[own];
  let low = select(lowest, halfBelow(lowest), narrow);
  ${searched ? search(lanes) : 'let width = params.width;'}
  if (lane == 0u && isGroup) {
    lows[group] = low;
    scales[group] = select(scaleOf(low, high, width, narrow), 0.0, width == 0u);
    widths[group] = width;
  }`,
  });
}

/** Whether errors in steps squared keep the budget; scale and budget are in units of the largest magnitude. */
const keepsBudget = `
fn keeps(errors: f32, scale: f32, most: f32) -> bool { return errors * scale * scale <= most; }`;

function search(lanes: GroupLanes): string {
  const { lanes: each } = lanes;
  return `
  let largest = max(abs(lowest), abs(high));
  let unit = bitcast<f32>((254u - max(bitcast<u32>(largest) >> 23u, 1u)) << 23u);
  let tau = atomicLoad(&state.tau);
  var scaled = array<f32, ${sumCount}>();
  var inverses = array<f32, ${sumCount}>();
  for (var width = ${leastWidth}u; width <= ${mostWidth}u; width++) {
    let scale = scaleOf(low, high, width, narrow);
    scaled[width] = scale * unit;
    inverses[width] = select(1.0 / scale, 0.0, scale == 0.0);
  }
  var sums = array<f32, ${sumCount}>();
  for (var l = lane; l < end; l += ${each}u) {
    let bits = values[start + l * params.inner];
    if ((bits & 0x7fffffffu) <= tau) {
      let x = bitcast<f32>(bits);
      sums[0] += (x * unit) * (x * unit);
      for (var width = ${leastWidth}u; width <= params.most; width++) {
        let u = (x - low) * inverses[width];
        let error = u - min(round(u), f32((1u << width) - 1u));
        sums[width] += error * error;
      }
    }
  }
  joined[thread] = sums;
  ${joinLanes(lanes, `for (var i = 0u; i < ${sumCount}u; i++) { joined[thread][i] += joined[other][i]; }`)}
  var width = 0u;
  if (lane == 0u && isGroup && high != lowest) {
    let most = params.delta * joined[thread][0];
    width = ${leastWidth}u;
    while (width < params.most) {
      if (f32(params.length) * (scaled[width] * scaled[width]) / 12.0 <= most) { break; }
      width += 1u;
    }
    if (keeps(joined[thread][width], scaled[width], most)) {
      while (width > ${leastWidth}u) {
        if (!keeps(joined[thread][width - 1u], scaled[width - 1u], most)) { break; }
        width -= 1u;
      }
    } else {
      width += 1u;
      while (width < params.most) {
        if (keeps(joined[thread][width], scaled[width], most)) { break; }
        width += 1u;
      }
      width = min(width, params.most);
    }
  }`;
}
