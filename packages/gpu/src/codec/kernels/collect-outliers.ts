import type { KernelSource } from '../../device/kernel.js';
import { encodeParams, stateText } from './encode-params.js';
import { codecKernel, usualThreads } from './kernel-text.js';

/** Places and bits of outliers, in any order: they are few. */
export function collectOutliersKernel(): KernelSource {
  return codecKernel({
    label: 'collect outliers',
    params: encodeParams,
    storage: [
      ['values', 'read', 'array<u32>'],
      ['found', 'write', 'array<vec2u>'],
      ['taken', 'write', 'atomic<u32>'],
      ['state', 'write', 'State'],
    ],
    declarations: [stateText],
    body: `
  let element = workgroup * ${usualThreads}u + thread;
  if (element < params.elements) {
    let bits = values[params.first + element];
    if ((bits & 0x7fffffffu) > atomicLoad(&state.tau)) { found[atomicAdd(&taken, 1u)] = vec2u(element, bits); }
  }`,
  });
}
