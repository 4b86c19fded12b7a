import { CutpointError, type ErrorCode } from '@cutpoint/core';

/** To the thread that reads. Both threads see the buffer; until the answer it is the reader's. */
export interface ReadRequest {
  readonly id: number;
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
  readonly buffer: SharedArrayBuffer;
}

export type ReadAnswer =
  | {
      readonly kind: 'read';
      readonly id: number;
      /** Where in the buffer the bytes begin. */
      readonly start: number;
      readonly readMs: number;
    }
  | {
      readonly kind: 'failed';
      readonly id: number;
      readonly code: ErrorCode;
      readonly message: string;
    };

/** @param reason of the system; undefined if the file ends early. */
export function fileError(path: string, reason: string | undefined, cause?: unknown): CutpointError {
  if (reason === undefined) {
    return new CutpointError('CUT_PACKAGE', `The file ${path} of a shard ends early: fetch the shard again.`);
  }
  return new CutpointError('CUT_FILE_NOT_FOUND', `The file ${path} of a shard cannot be read: ${reason}.`, { cause });
}
