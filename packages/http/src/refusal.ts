import { CutpointError, type ErrorCode } from '@cutpoint/core';

/** A request that HTTP itself, or who asks, makes impossible; with the status that says so. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly code: ErrorCode;
  /** When to try again, where that helps. */
  readonly retryAfterS: number | undefined;

  constructor(status: number, code: ErrorCode, message: string, retryAfterS?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

/** What a failure looks like over HTTP. */
export interface HttpFailure {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterS: number | undefined;
}

/** Codes that are not the server's fault (4xx), or that time or room may heal (503, 504, 507); all others are 500. */
const statuses: Partial<Record<ErrorCode, number>> = {
  CUT_USAGE: 400,
  CUT_INPUT: 400,
  CUT_UNSUPPORTED_TYPE: 400,
  CUT_HTTP: 400,
  CUT_ILLEGAL_CUT: 400,
  CUT_INFEASIBLE: 400,
  CUT_MODEL_INVALID: 400,
  CUT_CODEC_TABLE: 400,
  CUT_CHAT_TEMPLATE: 400,
  CUT_UNAUTHORISED: 401,
  CUT_UNPAIRED: 401,
  CUT_CERTIFICATE: 401,
  CUT_REVOKED: 401,
  CUT_FORBIDDEN: 403,
  CUT_NOT_FOUND: 404,
  CUT_CONFLICT: 409,
  CUT_DEPLOYMENT: 409,
  CUT_CONTENT: 409,
  CUT_MEMORY: 409,
  CUT_WIRE_TOO_LARGE: 413,
  CUT_CANCELLED: 499,
  CUT_OVERLOADED: 503,
  CUT_UNREACHABLE: 503,
  CUT_CONNECTION_LOST: 503,
  CUT_WORKER_DIED: 503,
  CUT_DISPOSED: 503,
  CUT_STALE: 503,
  CUT_DEADLINE: 504,
  CUT_DISK_FULL: 507,
};

/** How anything thrown is told to a caller: a defect of the server's own says nothing about its insides. */
export function failureOf(thrown: unknown): HttpFailure {
  if (thrown instanceof Refusal) return thrown;
  if (thrown instanceof CutpointError) {
    const { code, message } = thrown as CutpointError;
    const status = statuses[code] ?? 500;
    return { status, code, message, retryAfterS: status === 503 ? 1 : undefined };
  }
  return (
    ofFastify(thrown) ?? { status: 500, code: 'CUT_INTERNAL', message: 'The server failed.', retryAfterS: undefined }
  );
}

/** What fastify refuses before a handler sees it. */
function ofFastify(thrown: unknown): HttpFailure | undefined {
  if (!(thrown instanceof Error) || !('statusCode' in thrown) || typeof thrown.statusCode !== 'number')
    return undefined;
  const { statusCode: status, message } = thrown;
  if (status < 400 || status > 499) return undefined;
  const sentence = message.endsWith('.') ? message : `${message}.`;
  return { status, code: 'CUT_HTTP', message: sentence, retryAfterS: undefined };
}
