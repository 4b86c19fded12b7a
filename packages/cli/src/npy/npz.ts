import { asCutpointError, CutpointError, type NamedTensors, type Tensor } from '@cutpoint/core';
import { unzipSync, zipSync } from 'fflate';
import { decodeNpy, encodeNpy } from './npy.js';

const maxEntries = 1_024;
const maxUnpackedBytes = 2_000_000_000;

/**
 * Reads the tensors of a .npz file, an uncompressed or deflated zip archive of .npy files.
 * Entries with other names are left alone. The sizes that the archive claims are checked before anything is unpacked.
 * @throws CutpointError CUT_INPUT if the archive is damaged or too large, and what `decodeNpy` throws.
 */
export function decodeNpz(bytes: Uint8Array): NamedTensors {
  const tensors = new Map<string, Tensor>();
  for (const [file, content] of Object.entries(unzip(bytes))) {
    const name = file.slice(0, -'.npy'.length);
    try {
      tensors.set(name, decodeNpy(content));
    } catch (thrown) {
      const { code, message } = asCutpointError(thrown, 'CUT_INPUT');
      throw new CutpointError(code, `Entry "${name}" of the .npz file: ${message}`, { cause: thrown });
    }
  }
  return tensors;
}

/** Writes tensors as a .npz file, uncompressed as `numpy.savez` does. Throws what `encodeNpy` throws. */
export function encodeNpz(tensors: NamedTensors): Uint8Array {
  const files = [...tensors].map(([name, tensor]) => [`${name}.npy`, encodeNpy(tensor)] as const);
  return zipSync(Object.fromEntries(files), { level: 0 });
}

function unzip(bytes: Uint8Array): Readonly<Record<string, Uint8Array>> {
  let entries = 0;
  let unpacked = 0;
  try {
    return unzipSync(bytes, {
      filter: ({ name, size, originalSize }) => {
        if (!name.endsWith('.npy')) return false;
        entries += 1;
        unpacked += Math.max(size, originalSize);
        if (entries <= maxEntries && unpacked <= maxUnpackedBytes) return true;
        const limits = `${maxEntries} entries and ${maxUnpackedBytes} bytes are the limit`;
        throw new CutpointError('CUT_INPUT', `The .npz file is too large: ${limits}.`);
      },
    });
  } catch (thrown) {
    throw asCutpointError(thrown, 'CUT_INPUT', 'The .npz file is damaged');
  }
}
