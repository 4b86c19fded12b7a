import { createHash, type Hash } from 'node:crypto';
import type { Checkpoint, CheckpointTensor } from './checkpoint.js';
import { readFloats } from './decode-rows.js';

/**
 * What tells a checkpoint from others of its architecture, such as the same model trained on: SHA-256, hex, of the first and
 * the last row of every tensor, as floats: those of a GGUF file in floats and those of the folder that it was made of are the same
 * checkpoint. One that somebody has rounded is another.
 * @throws CutpointError CUT_CHECKPOINT for weights that cannot be read
 */
export async function fingerprintOf({ tensors }: Pick<Checkpoint, 'tensors'>): Promise<string> {
  const { embedding, layers, norm, matrix } = tensors;
  const hash = createHash('sha256');
  for (const [name, tensor] of Object.entries({ embedding, norm, matrix })) await add(hash, name, tensor);
  for (const [i, layer] of layers.entries()) {
    const named = Object.entries(layer).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [name, tensor] of named) await add(hash, `${i}.${name}`, tensor);
  }
  return hash.digest('hex');
}

async function add(hash: Hash, name: string, tensor: CheckpointTensor | undefined): Promise<void> {
  if (tensor === undefined) return;
  const { rows, columns } = tensor;
  hash.update(JSON.stringify([name, rows, columns]));
  for (const row of [0, rows - 1]) {
    const { buffer, byteOffset, byteLength } = await readFloats(tensor, row, 1);
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
}
