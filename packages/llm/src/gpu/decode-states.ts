import { type Gpu, openGpuCodec } from '@cutpoint/gpu';
import { type CrossedHidden, crossedTensor, requireRows } from '../split/hidden-rows.js';

/**
 * Hidden states that crossed a cut, in a new buffer on a GPU: what goes up is what crossed (docs/gpu.md says for which codecs).
 * @throws CutpointError CUT_INPUT or CUT_CODEC_PAYLOAD if they are other than is said; CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_GPU_LOST.
 */
export async function decodeStates(
  gpu: Gpu,
  { codec, pieces }: CrossedHidden,
  hiddenSize: number,
): Promise<{ readonly states: GPUBuffer; readonly rows: number }> {
  let rows = 0;
  // Rows of a piece that do not count lie where those of the next one will.
  const room = pieces.reduce((most, piece) => {
    const end = rows + piece.rows;
    rows += piece.kept;
    return Math.max(most, end);
  }, 0);
  const states = await gpu.buffer('hidden states that crossed', { bytes: 4 * room * hiddenSize });
  try {
    const onGpu = openGpuCodec(gpu, codec);
    let at = 0;
    for (const { rows: encoded, kept, hidden } of pieces) {
      const crossed = crossedTensor(codec, new Uint8Array(hidden), [encoded, hiddenSize]);
      const limits = { maxElements: encoded * hiddenSize };
      const { shape } = await onGpu.decode(crossed, { buffer: states, from: at * hiddenSize }, limits);
      requireRows(shape, encoded, hiddenSize);
      at += kept;
    }
    return { states, rows };
  } catch (thrown) {
    states.destroy();
    throw thrown;
  }
}
