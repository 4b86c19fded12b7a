import type { Gpu } from '../device/gpu.js';
import { type Draw, packDraws } from './draw.js';
import { sampleKernel } from './kernels/sample.js';

/** One token of each row of logits, drawn by the decoder's kernel. @param rows all of one length */
export async function drawOnGpu(
  gpu: Pick<Gpu, 'buffer' | 'bind' | 'kernel' | 'run' | 'read'>,
  rows: readonly Float32Array[],
  drawsOfRows: readonly Draw[],
): Promise<number[]> {
  const size = rows[0]?.length ?? 0;
  const { draws, histories } = packDraws(drawsOfRows);
  const all = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) all.set(row, i * size);
  const buffers = {
    step: await gpu.buffer('step', Uint32Array.of(rows.length, 0, 0, 0)),
    logits: await gpu.buffer('logits', all),
    tokens: await gpu.buffer('tokens', { bytes: 4 * rows.length }),
    draws: await gpu.buffer('draws', draws),
    histories: await gpu.buffer('histories', histories.length > 0 ? histories : { bytes: 4 }),
  };
  try {
    const { step, logits, tokens } = buffers;
    const bound = gpu.bind(await gpu.kernel(sampleKernel(size)), [
      step,
      logits,
      tokens,
      buffers.draws,
      buffers.histories,
    ]);
    await gpu.run([{ bound, groups: [1, rows.length, 1] }]);
    return [...new Uint32Array(await gpu.read(tokens))];
  } finally {
    for (const buffer of Object.values(buffers)) buffer.destroy();
  }
}
