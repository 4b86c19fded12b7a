import { CutpointError, systemReason } from '@cutpoint/core';

export function writeError(path: string, thrown: unknown): CutpointError {
  return new CutpointError('CUT_FILE_WRITE', `${path} cannot be written: ${systemReason(thrown)}.`, { cause: thrown });
}
