import type { KernelSource } from '../../device/kernel.js';
import { rowKernelText, sumOverThreads } from './row-text.js';

/** result = input / sqrt(mean of squares + epsilon) * weight, row by row (Zhang and Sennrich, RMSNorm, 2019). */
export function rmsNormKernel(size: number, epsilon: number): KernelSource {
  return rowKernelText({
    label: 'RMS norm',
    storage: [
      ['input', 'read', 'array<f32>'],
      ['result', 'write', 'array<f32>'],
      ['weight', 'read', 'array<f32>'],
    ],
    threads: 64,
    sharedBytes: 256,
    declarations: sumOverThreads(64),
    body: `
  let first = group.y * ${size}u;
  var squares = 0.0;
  for (var i = thread; i < ${size}u; i += 64u) { squares += input[first + i] * input[first + i]; }
  let factor = 1.0 / sqrt(sumOver(thread, squares) / ${size}.0 + f32(${epsilon}));
  for (var i = thread; i < ${size}u; i += 64u) { result[first + i] = input[first + i] * factor * weight[i]; }`,
  });
}
