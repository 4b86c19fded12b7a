import type { KernelSource } from '../device/kernel.js';
import type { BitWidth } from '../matrix/code-matrix.js';
import type { ProductScheme } from '../matrix/product-scheme.js';

const threads = 64;

/**
 * Makes activations the left operand of a product: a workgroup finds the range of one group of a row, derives its scale
 * and zero point, and writes codes straight into words. Zero has a code of its own, so that it stays zero.
 */
export function quantiseKernel(scheme: ProductScheme, bits: BitWidth): KernelSource {
  const { columnsPerStep, leftWords } = scheme;
  const largest = 2 ** bits - 1;
  const wgsl = `
struct Shape { rows: u32, columns: u32, steps: u32, groups: u32, groupSize: u32 }
struct Term { sum: u32, zero: i32, scale: f32 }
@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read_write> words: array<u32>;
@group(0) @binding(3) var<storage, read_write> terms: array<Term>;

var<workgroup> lowest: array<f32, ${threads}>;
var<workgroup> highest: array<f32, ${threads}>;
var<workgroup> sums: array<u32, ${threads}>;

@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) at: vec3u) {
  let row = at.y;
  let first = at.x * shape.groupSize;
  let end = min(first + shape.groupSize, shape.columns);
  var low = 0.0;
  var high = 0.0;
  var bad = 0u;
  for (var column = first + thread; column < end; column += ${threads}u) {
    let value = values[row * shape.columns + column];
    low = min(low, value);
    high = max(high, value);
    // Infinity or NaN, which min and max may drop.
    if ((bitcast<u32>(value) & 0x7f800000u) == 0x7f800000u) { bad = 1u; }
  }
  lowest[thread] = low;
  highest[thread] = high;
  sums[thread] = bad;
  workgroupBarrier();
  for (var apart = ${threads / 2}u; apart > 0u; apart /= 2u) {
    if (thread < apart) {
      lowest[thread] = min(lowest[thread], lowest[thread + apart]);
      highest[thread] = max(highest[thread], highest[thread + apart]);
      sums[thread] |= sums[thread + apart];
    }
    workgroupBarrier();
  }
  let isBad = sums[0] != 0u;
  let range = highest[0] - lowest[0];
  let scale = select(1.0, range / ${largest}.0, range > 0.0);
  let zero = clamp(i32(floor(0.5 - lowest[0] / scale)), 0, ${largest});

  workgroupBarrier();
  var sum = 0u;
  let stepsOfGroup = (shape.groupSize + ${columnsPerStep - 1}u) / ${columnsPerStep}u;
  let lastStep = min((at.x + 1u) * stepsOfGroup, shape.steps);
  for (var step = at.x * stepsOfGroup + thread; step < lastStep; step += ${threads}u) {
    var own = array<u32, ${leftWords}>();
    for (var i = 0u; i < ${columnsPerStep}u; i++) {
      let column = step * ${columnsPerStep}u + i;
      if (column < end) {
        let value = values[row * shape.columns + column];
        let code = u32(clamp(i32(floor(value / scale + 0.5)) + zero, 0, ${largest}));
        sum += code;
${place(scheme, bits)}
      }
    }
    for (var i = 0u; i < ${leftWords}u; i++) {
      words[(row * shape.steps + step) * ${leftWords}u + i] = own[i];
    }
  }
  sums[thread] = sum;
  workgroupBarrier();
  for (var apart = ${threads / 2}u; apart > 0u; apart /= 2u) {
    if (thread < apart) { sums[thread] += sums[thread + apart]; }
    workgroupBarrier();
  }
  if (thread == 0u) { 
    // What is no number stays none: its scale is NaN.
    let told = bitcast<f32>(select(bitcast<u32>(scale), 0x7fc00000u, isBad));
    terms[row * shape.groups + at.x] = Term(sums[0], zero, told);
  }
}
`;
  return { label: `quantise to ${bits} bits, ${scheme.name}`, wgsl, threads, sharedBytes: 12 * threads };
}

function place({ name }: ProductScheme, bits: BitWidth): string {
  if (name !== 'planes') return '        own[i / 4u] |= code << (8u * (i % 4u));';
  const plane = (bit: number) => `        own[${bit}] |= ((code >> ${bit}u) & 1u) << i;`;
  return Array.from({ length: bits }, (_, bit) => plane(bit)).join('\n');
}
