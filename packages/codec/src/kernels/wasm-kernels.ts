import type { Kernels } from './kernels.js';
import { decodeFixed, encodeFixed } from './wasm-fixed.js';
import { decodeSteps, encodeAffine, encodeTabq } from './wasm-groups.js';
import { putArray, type WasmInstance } from './wasm-instance.js';
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
  const input = wasm.base;
  const output = input + blockLength * 4 + slackBytes;
  const memory = wasm.memory(blockLength * 6 + 2 * slackBytes);
  const halves = wasm.views().u16;
  let overflows = 0;
  for (let start = 0; start < from.length; start += blockLength) {
    const block = blockOf(from, start);
    putArray(memory, input, block);
    const largest = convert(input, output, block.length);
    if (largest >= overflowBits) overflows += countOverflows(block, overflowBits);
    to.set(halves.subarray(output / 2, output / 2 + block.length), start);
  }
  return overflows;
}

/** The elements from `start` on that are worked on together. */
function blockOf<T extends Float32Array | Uint16Array | Uint8Array>(all: T, start: number, length = blockLength): T {
  return all.length <= length ? all : (all.subarray(start, start + length) as T);
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
  const input = wasm.base;
  const output = input + blockLength * 2 + slackBytes;
  const memory = wasm.memory(blockLength * 6 + 2 * slackBytes);
  const numbers = wasm.views().f32;
  for (let start = 0; start < from.length; start += blockLength) {
    const block = blockOf(from, start);
    putArray(memory, input, block);
    convert(input, output, block.length);
    to.set(numbers.subarray(output / 4, output / 4 + block.length), start);
  }
}

function checksum(wasm: WasmInstance, bytes: Uint8Array): number {
  const blockBytes = blockLength * 4;
  const memory = wasm.memory(blockBytes);
  const { run, base } = wasm;
  run.beginHash();
  let last = base;
  for (let start = 0; start < bytes.length; start += blockBytes) {
    const block = blockOf(bytes, start, blockBytes);
    memory.set(block, base);
    run.takeStripes(base, block.length >> 4);
    last = base + (block.length & ~15);
  }
  return run.finishHash(last, bytes.length) >>> 0;
}
