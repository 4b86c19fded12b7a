import { CutpointError, type ErrorCode } from '@cutpoint/core';

/**
 * Codes that mean "not computed here, or safe to repeat by the request's id", so that another way may succeed. All others
 * tell of the request itself, and would come back from every way.
 */
const climbableCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  // The device or the way to it.
  'CUT_CONNECTION_LOST',
  'CUT_UNREACHABLE',
  'CUT_DISPOSED',
  'CUT_TLS',
  'CUT_UNAUTHORISED',
  'CUT_UNPAIRED',
  'CUT_REVOKED',
  'CUT_CERTIFICATE',
  'CUT_WIRE_VERSION',
  'CUT_WIRE_MALFORMED',
  'CUT_WIRE_TOO_LARGE',
  // It has too much to do, or the work died there.
  'CUT_OVERLOADED',
  'CUT_WORKER_DIED',
  'CUT_DEADLINE',
  'CUT_CANCELLED',
  'CUT_INTERNAL',
  // It acts on something else, or cannot do this part.
  'CUT_STALE',
  'CUT_MODEL_MISMATCH',
  'CUT_DEPLOYMENT',
  'CUT_CONTENT',
  'CUT_DISK_FULL',
  'CUT_MEMORY',
  'CUT_LOAD',
  'CUT_PROVIDER',
  'CUT_FILE_NOT_FOUND',
  'CUT_EXTERNAL_DATA',
  'CUT_CODEC_TABLE',
  'CUT_CODEC',
  'CUT_CODEC_SYNC',
  'CUT_CODEC_PAYLOAD',
]);

/** Whether another way may answer a request that failed so on one. */
export function isClimbable(thrown: unknown): thrown is CutpointError {
  return thrown instanceof CutpointError && climbableCodes.has(thrown.code);
}
