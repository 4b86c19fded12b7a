import type { ErrorCode } from '@cutpoint/core';

const faults: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CUT_CONNECTION_LOST',
  'CUT_UNREACHABLE',
  'CUT_DISPOSED',
  'CUT_DEADLINE',
  'CUT_OVERLOADED',
  'CUT_WORKER_DIED',
  'CUT_MEMORY',
  'CUT_INTERNAL',
  'CUT_WIRE_MALFORMED',
]);

/** Whether a server is well, and says no: there is no use in asking the same again at once. */
export function isRefusal(code: ErrorCode): boolean {
  return code === 'CUT_OVERLOADED' || code === 'CUT_MEMORY';
}

/** Whether a server lacks what an agent tells it when they connect. */
export function isForgotten(code: ErrorCode): boolean {
  return code === 'CUT_CODEC_TABLE';
}

/** Whether a failure tells of the server or the way to it, so that another, or the same a moment later, may do better. */
export function isFaultOfServer(code: ErrorCode): boolean {
  return faults.has(code);
}
