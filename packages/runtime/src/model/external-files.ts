import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import { externalRange, isExternal, type Model, modelTensors } from '@cutpoint/graph';

/**
 * Checks that every external weight of a model lies inside an existing file.
 * @returns the files, relative to the folder.
 * @throws CutpointError CUT_EXTERNAL_DATA if a file is missing or too short, or a path leaves the folder.
 */
export async function checkExternalFiles(model: Model, folder: string): Promise<string[]> {
  const neededBytes = new Map<string, number>();
  for (const tensor of modelTensors(model)) {
    if (!isExternal(tensor)) continue;
    const { location, offset, length } = externalRange(tensor);
    neededBytes.set(location, Math.max(neededBytes.get(location) ?? 0, offset + length));
  }
  for (const [location, needed] of neededBytes) await checkFile(folder, location, needed);
  return [...neededBytes.keys()];
}

async function checkFile(folder: string, location: string, neededBytes: number): Promise<void> {
  const path = join(folder, location);
  let size: number;
  try {
    size = (await stat(path)).size;
  } catch (cause) {
    throw new CutpointError(
      'CUT_EXTERNAL_DATA',
      `The model keeps weights in "${location}", but ${path} cannot be read: put that file beside the model.`,
      { cause },
    );
  }
  if (size < neededBytes) {
    throw new CutpointError(
      'CUT_EXTERNAL_DATA',
      `The weights file ${path} is too short: it has ${size} bytes, the model needs ${neededBytes}.`,
    );
  }
}
