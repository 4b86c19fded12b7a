import { finish, firstLanes } from './checksum.js';
import type { Kernels } from './kernels.js';
import { decodeFixed, encodeFixed } from './wasm-fixed.js';
import { decodeSteps, encodeAffine, encodeTabq } from './wasm-groups.js';
import type { WasmInstance } from './wasm-instance.js';
import { decodeLearning, encodeLearning } from './wasm-learnt.js';
import { openTransform } from './wasm-transform.js';

/** Elements that are copied in at a time where each stands alone: few enough to stay in a core's cache. */
const blockLength = 16_384;
/** What a kernel may read and write past the end of a block. */
const slackBytes = 64;

/** Bits of infinity, and of the smallest magnitudes that round to it. */
const infinityBits = 0x7f_80_00_00;
const halfOverflowBits = 0x47_7f_f0_00;
const bfloatOverflowBits = 0x7f_7f_80_00;

/** The kernels in WebAssembly with SIMD (assembly/); the bytes they give are those of `typescriptKernels`. */
export function wasmKernels(wasm: WasmInstance): Kernels {
  const { run } = wasm;
  return {
    name: 'wasm-simd',
    toHalves: (from, to) => narrow(wasm, run.toHalves, from, to, halfOverflowBits),
    fromHalves: (from, to) => widen(wasm, run.fromHalves, from, to),
    toBfloats: (from, to) => narrow(wasm, run.toBfloats, from, to, bfloatOverflowBits),
    fromBfloats: (from, to) => widen(wasm, run.fromBfloats, from, to),
    affineEncode: (values, grouping, width, form) => encodeAffine(wasm, values, grouping, width, form),
    tabqEncode: (values, grouping, options, form) => encodeTabq(wasm, values, grouping, options, form),
    decodeSteps: (steps, grouping, form, outliers) => decodeSteps(wasm, steps, grouping, form, outliers),
    encodeFixed: (symbols, layout) => encodeFixed(wasm, symbols, layout),
    decodeFixed: (bytes, layout) => decodeFixed(wasm, bytes, layout),
    encodeLearning: (symbols, layout) => encodeLearning(wasm, symbols, layout),
    decodeLearning: (bytes, layout) => decodeLearning(wasm, bytes, layout),
    checksum: (bytes) => checksum(wasm, bytes),
    openTransform: (table, transform) => openTransform(wasm, table, transform),
  };
}

function narrow(
  wasm: WasmInstance,
  convert: (from: number, to: number, count: number) => number,
  from: Float32Array,
  to: Uint16Array,
  overflowBits: number,
): number {
  const memory = wasm.memory(blockLength * 6 + slackBytes);
  const input = new Float32Array(memory.buffer, wasm.base, blockLength);
  const output = new Uint16Array(memory.buffer, wasm.base + blockLength * 4, blockLength);
  let overflows = 0;
  for (let start = 0; start < from.length; start += blockLength) {
    const block = from.subarray(start, start + blockLength);
    input.set(block);
    const largest = convert(input.byteOffset, output.byteOffset, block.length);
    if (largest >= overflowBits) overflows += countOverflows(block, overflowBits);
    to.set(output.subarray(0, block.length), start);
  }
  return overflows;
}

/** How many finite numbers have a magnitude from `overflowBits` on. */
function countOverflows(numbers: Float32Array, overflowBits: number): number {
  let overflows = 0;
  for (const bits of new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length)) {
    const size = bits & 0x7f_ff_ff_ff;
    if (size >= overflowBits && size < infinityBits) overflows++;
  }
  return overflows;
}

function widen(
  wasm: WasmInstance,
  convert: (from: number, to: number, count: number) => void,
  from: Uint16Array,
  to: Float32Array,
): void {
  const memory = wasm.memory(blockLength * 6 + slackBytes);
  const input = new Uint16Array(memory.buffer, wasm.base, blockLength);
  const output = new Float32Array(memory.buffer, wasm.base + blockLength * 2, blockLength);
  for (let start = 0; start < from.length; start += blockLength) {
    const block = from.subarray(start, start + blockLength);
    input.set(block);
    convert(input.byteOffset, output.byteOffset, block.length);
    to.set(output.subarray(0, block.length), start);
  }
}

function checksum(wasm: WasmInstance, bytes: Uint8Array): number {
  const blockBytes = blockLength * 4;
  const memory = wasm.memory(16 + blockBytes);
  const lanes = new Uint32Array(memory.buffer, wasm.base, 4);
  lanes.set(firstLanes());
  const input = memory.subarray(wasm.base + 16, wasm.base + 16 + blockBytes);
  for (let start = 0; start < bytes.length; start += blockBytes) {
    const block = bytes.subarray(start, start + blockBytes);
    input.set(block);
    wasm.run.takeStripes(input.byteOffset, block.length >> 4, lanes.byteOffset);
  }
  return finish(lanes, bytes);
}
