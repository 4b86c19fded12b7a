import type { Gpu } from '../device/gpu.js';
import { type Draw, packDraws } from './draw.js';
import { largestKernel, noToken } from './kernels/choose.js';
import { sampleKernel } from './kernels/sample.js';

export { noToken };

type TestGpu = Pick<Gpu, 'buffer' | 'buffers' | 'bind' | 'kernel' | 'run' | 'read'>;

/** The likeliest token of each row of logits, found by the decoder's kernel. @param rows all of one length */
export async function largestOnGpu(gpu: TestGpu, rows: readonly Float32Array[]): Promise<number[]> {
  const size = rows[0]?.length ?? 0;
  using buffers = await gpu.buffers({
    step: Uint32Array.of(rows.length, 0, 0, 0),
    logits: joined(rows),
    tokens: { bytes: 4 * rows.length },
  });
  const { step, logits, tokens } = buffers;
  const bound = gpu.bind(await gpu.kernel(largestKernel(size)), [step, logits, tokens]);
  await gpu.run([{ bound, groups: [1, rows.length, 1] }]);
  return [...new Uint32Array(await gpu.read(tokens))];
}

/** One token of each row of logits, drawn by the decoder's kernel. @param rows all of one length */
export async function drawOnGpu(
  gpu: TestGpu,
  rows: readonly Float32Array[],
  drawsOfRows: readonly Draw[],
): Promise<number[]> {
  const size = rows[0]?.length ?? 0;
  const { draws, histories } = packDraws(drawsOfRows);
  using buffers = await gpu.buffers({
    step: Uint32Array.of(rows.length, 0, 0, 0),
    logits: joined(rows),
    tokens: { bytes: 4 * rows.length },
    draws,
    histories: histories.length > 0 ? histories : { bytes: 4 },
  });
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
}

function joined(rows: readonly Float32Array[]): Float32Array {
  return Float32Array.from(rows.flatMap((row) => [...row]));
}
