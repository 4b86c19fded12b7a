import type { KernelSource } from '../../device/kernel.js';
import { rowKernelText } from './row-text.js';

/** Threads, and so columns, of a workgroup. */
export const elementThreads = 64;

/** result += input. */
export function addKernel(size: number): KernelSource {
  const update = 'result[group.y * SIZE + column] += input[group.y * SIZE + column];';
  return columnsKernel('add', size, update);
}

/** result[row] += input, the same for all rows. */
export function biasKernel(size: number): KernelSource {
  return columnsKernel('bias', size, 'result[group.y * SIZE + column] += input[column];');
}

/** result = activation(gate) * up, of rows that hold gate and up one behind the other. */
export function gateKernel(size: number, activation: 'silu' | 'gelu-tanh'): KernelSource {
  const activated =
    activation === 'silu'
      ? // Beyond that exp is infinite, which WGSL need not compute with.
        'gate / (1.0 + exp(min(-gate, 80.0)))'
      : // tanh of a large argument is not defined in WGSL; beyond 10 it is 1.
        '0.5 * gate * (1.0 + tanh(clamp(0.7978845608 * (gate + 0.044715 * gate * gate * gate), -10.0, 10.0)))';
  return columnsKernel(
    'gate',
    size,
    `let gate = input[group.y * 2u * SIZE + column];
    result[group.y * SIZE + column] = ${activated} * input[group.y * 2u * SIZE + SIZE + column];`,
  );
}

function columnsKernel(label: string, size: number, update: string): KernelSource {
  return rowKernelText({
    label,
    storage: [
      ['input', 'read', 'array<f32>'],
      ['result', 'write', 'array<f32>'],
    ],
    threads: elementThreads,
    declarations: `const SIZE = ${size}u;`,
    body: `
  let column = group.x * ${elementThreads}u + thread;
  if (column < SIZE) {
    ${update}
  }`,
  });
}
