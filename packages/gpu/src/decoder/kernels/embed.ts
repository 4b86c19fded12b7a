import type { KernelSource } from '../../device/kernel.js';
import type { MatrixForm } from '../decoder-weights.js';
import { rowKernelText } from './row-text.js';
import { weightText } from './weight-text.js';

/** result[row] = scale * the table's row of the token. */
export function embedKernel(form: MatrixForm, scale: number): KernelSource {
  const { columnsPerChunk, storage, declarations } = weightText(form);
  const { columns } = form;
  return rowKernelText({
    label: 'embedding',
    storage: [['tokens', 'read', 'array<u32>'], ['result', 'write', 'array<f32>'], ...storage],
    threads: 64,
    declarations,
    body: `
  let row = group.y;
  for (var chunk = thread; chunk < ${Math.ceil(columns / columnsPerChunk)}u; chunk += 64u) {
    let own = weights(tokens[row], chunk);
    for (var i = 0u; i < ${columnsPerChunk}u; i++) {
      let column = chunk * ${columnsPerChunk}u + i;
      if (column < ${columns}u) { result[row * ${columns}u + column] = f32(${scale}) * own[i]; }
    }
  }`,
  });
}
