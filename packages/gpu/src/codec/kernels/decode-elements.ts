import type { KernelSource } from '../../device/kernel.js';
import { codecKernel, usualThreads } from './kernel-text.js';
import { halfText, payloadText } from './payload-text.js';

/** Elements of two bytes that become f32, bit for bit as on the CPU. */
export function decodeElementsKernel(format: 'f16' | 'bf16'): KernelSource {
  const short = 'shortAt(params.at + 2u * element)';
  return codecKernel({
    label: `decode ${format}`,
    params: ['elements', 'first', 'at'],
    storage: [
      ['payload', 'read', 'array<u32>'],
      ['result', 'write', 'array<u32>'],
    ],
    declarations: [payloadText, halfText],
    body: `
  let element = workgroup * ${usualThreads}u + thread;
  if (element < params.elements) {
    result[params.first + element] = ${format === 'f16' ? `bitsOfHalf(${short})` : `${short} << 16u`};
  }`,
  });
}
