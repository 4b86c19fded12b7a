import type { KernelSource } from '../../device/kernel.js';
import { codecKernel, usualThreads } from './kernel-text.js';

/** Two f32 elements that become a word of two halves, bit for bit as on the CPU; `overflows` counts finite ones that became infinite. */
export function encodeElementsKernel(format: 'f16' | 'bf16'): KernelSource {
  return codecKernel({
    label: `encode ${format}`,
    params: ['elements', 'first'],
    storage: [
      ['values', 'read', 'array<u32>'],
      ['words', 'write', 'array<u32>'],
      ['overflows', 'write', 'atomic<u32>'],
    ],
    declarations: [format === 'f16' ? toHalf : toBfloat],
    body: `
  let word = workgroup * ${usualThreads}u + thread;
  var both = 0u;
  for (var i = 0u; i < 2u; i++) {
    let element = 2u * word + i;
    if (element < params.elements) { both |= shortOf(values[params.first + element]) << (16u * i); }
  }
  if (2u * word < params.elements) { words[word] = both; }`,
  });
}

/** Of 2^24 times a number below 2^-14, the nearest whole number is its binary16: below 1024 a fraction, at it the smallest normal one. */
const toHalf = `
fn shortOf(bits: u32) -> u32 {
  let sign = (bits >> 16u) & 0x8000u;
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) { return sign | 0x7e00u; }
  if (size >= 0x477ff000u) {
    if (size < 0x7f800000u) { atomicAdd(&overflows, 1u); }
    return sign | 0x7c00u;
  }
  if (size < 0x38800000u) { return sign | u32(round(bitcast<f32>(size) * 16777216.0)); }
  return sign | ((size - (112u << 23u) + 0xfffu + ((size >> 13u) & 1u)) >> 13u);
}`;

const toBfloat = `
fn shortOf(bits: u32) -> u32 {
  let sign = (bits >> 16u) & 0x8000u;
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) { return sign | 0x7fc0u; }
  let rounded = (size + 0x7fffu + ((size >> 16u) & 1u)) >> 16u;
  if (rounded == 0x7f80u && size < 0x7f800000u) { atomicAdd(&overflows, 1u); }
  return sign | rounded;
}`;
