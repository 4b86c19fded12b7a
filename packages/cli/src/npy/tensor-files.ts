import { readFile, stat, writeFile } from 'node:fs/promises';
import { asCutpointError, CutpointError, type NamedTensors, systemReason, type TensorSpec } from '@cutpoint/core';
import { decodeNpy } from './npy.js';
import { decodeNpz, encodeNpz } from './npz.js';

const maxFileBytes = 2_000_000_000;

/**
 * Reads a model's inputs from a .npz file by name, or, for a model with one input, from a .npy file.
 * @throws CutpointError CUT_FILE_NOT_FOUND, CUT_INPUT, CUT_UNSUPPORTED_TYPE.
 */
export async function readInputs(path: string, inputs: readonly TensorSpec[]): Promise<NamedTensors> {
  const bytes = await readBytes(path);
  try {
    // A zip archive begins with PK, a .npy file never does.
    if (bytes[0] === 0x50 && bytes[1] === 0x4b) return decodeNpz(bytes);
    const tensor = decodeNpy(bytes);
    const [only, ...others] = inputs;
    if (only !== undefined && others.length === 0) return new Map([[only.name, tensor]]);
  } catch (thrown) {
    const error = asCutpointError(thrown, 'CUT_INPUT');
    throw new CutpointError(error.code, `${path}: ${error.message}`, { cause: error });
  }
  const names = inputs.map(({ name }) => name).join(', ');
  const message = `${path} holds one tensor, but the model has the inputs ${names}: give a .npz file with these names.`;
  throw new CutpointError('CUT_INPUT', message);
}

/** Writes tensors to a .npz file. @throws CutpointError CUT_FILE_WRITE, CUT_UNSUPPORTED_TYPE. */
export async function writeTensors(path: string, tensors: NamedTensors): Promise<void> {
  const bytes = encodeNpz(tensors);
  try {
    await writeFile(path, bytes);
  } catch (thrown) {
    throw new CutpointError('CUT_FILE_WRITE', `${path} cannot be written: ${systemReason(thrown)}.`, { cause: thrown });
  }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size <= maxFileBytes) return await readFile(path);
  } catch (thrown) {
    const message = `The input file ${path} cannot be read: ${systemReason(thrown)}.`;
    throw new CutpointError('CUT_FILE_NOT_FOUND', message, { cause: thrown });
  }
  throw new CutpointError('CUT_INPUT', `The input file ${path} has more than ${maxFileBytes} bytes.`);
}
