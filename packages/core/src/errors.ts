/**
 * Every error code of the product: what it means and what the process exit status is
 * (1: the work failed, 2: it was asked for wrongly). docs/errors.md lists the same codes.
 */
export const errorCodes = {
  CUT_USAGE: { exit: 2, meaning: 'The command line, environment or configuration file is wrong.' },
  CUT_FILE_NOT_FOUND: { exit: 1, meaning: 'A file that was named does not exist or cannot be read.' },
  CUT_FILE_WRITE: { exit: 1, meaning: 'A file or folder cannot be written.' },
  CUT_PREPROCESSING: {
    exit: 1,
    meaning: 'The file that declares a model’s preprocessing is not valid, or does not fit the model.',
  },
  CUT_MODEL_INVALID: { exit: 1, meaning: 'The file is not an ONNX model, or is truncated or inconsistent.' },
  CUT_MODEL_TOO_LARGE: { exit: 1, meaning: 'A protobuf message would exceed 2 GB; weights must be external.' },
  CUT_EXTERNAL_DATA: {
    exit: 1,
    meaning: 'A file with external weights is missing, too short or outside the model folder.',
  },
  CUT_ILLEGAL_CUT: { exit: 2, meaning: 'The cut does not exist in this model, or cuts are not in ascending order.' },
  CUT_SHAPES: { exit: 1, meaning: 'The shapes of the intermediate tensors could not be determined.' },
  CUT_INPUT: { exit: 1, meaning: 'An input tensor has a wrong name, element type or shape, or is missing.' },
  CUT_UNSUPPORTED_TYPE: { exit: 1, meaning: 'A tensor element type cannot be carried or run.' },
  CUT_UNSUPPORTED_OP: { exit: 1, meaning: 'The execution provider has no kernel for an operator.' },
  CUT_PROVIDER: { exit: 1, meaning: 'The execution provider is unknown or not available on this machine.' },
  CUT_LOAD: { exit: 1, meaning: 'The runtime refused to load a segment.' },
  CUT_CODEC_SYNC: { exit: 1, meaning: 'A tensor builds on one that the receiver does not have.' },
  CUT_RUN: { exit: 1, meaning: 'The runtime failed while it ran a segment.' },
  CUT_WORKER_DIED: { exit: 1, meaning: 'The worker that ran a segment died; it is replaced, the call may be retried.' },
  CUT_DISPOSED: { exit: 1, meaning: 'The segment or connection was used after it was closed.' },
  CUT_CANCELLED: { exit: 1, meaning: 'The caller cancelled the request.' },
  CUT_DEADLINE: { exit: 1, meaning: 'The request did not finish before its deadline.' },
  CUT_OVERLOADED: { exit: 1, meaning: 'A bounded queue is full; try again later.' },
  CUT_BIND: { exit: 1, meaning: 'The address cannot be listened on, for example because the port is in use.' },
  CUT_INSECURE_BIND: { exit: 2, meaning: 'An address other than loopback needs TLS and a token, or --insecure.' },
  CUT_UNREACHABLE: { exit: 1, meaning: 'No server answers at the address.' },
  CUT_CONNECTION_LOST: { exit: 1, meaning: 'The connection ended while a request was under way.' },
  CUT_TLS: { exit: 1, meaning: 'The TLS handshake failed, for example because the certificate is not trusted.' },
  CUT_UNAUTHORISED: { exit: 1, meaning: 'The server refused the token.' },
  CUT_UNPAIRED: { exit: 1, meaning: 'The other side has no certificate of this fleet.' },
  CUT_REVOKED: { exit: 1, meaning: 'The certificate or token of the other side was revoked.' },
  CUT_CERTIFICATE: {
    exit: 1,
    meaning: 'A certificate has expired, or was made for another device, host name or purpose.',
  },
  CUT_PAIRING: {
    exit: 1,
    meaning: 'A device cannot be paired, for example because the code is wrong, used or expired.',
  },
  CUT_SIGNATURE: { exit: 1, meaning: 'What a device shall run is not signed for it by the authority of its fleet.' },
  CUT_FORBIDDEN: { exit: 1, meaning: 'The caller is known, but may not do this.' },
  CUT_STORE: {
    exit: 1,
    meaning: 'The store of the fleet or the folder of a device is in use, or damaged, full or of a newer version.',
  },
  CUT_WIRE_VERSION: { exit: 1, meaning: 'The other side speaks another version of the wire protocol.' },
  CUT_WIRE_MALFORMED: { exit: 1, meaning: 'A frame does not follow the wire format.' },
  CUT_WIRE_TOO_LARGE: { exit: 1, meaning: 'A frame, or a part of one, exceeds the agreed limit.' },
  CUT_MODEL_MISMATCH: { exit: 1, meaning: 'Agent and server do not hold the same model cut at the same place.' },
  CUT_SCENARIO: {
    exit: 2,
    meaning: 'A scenario is wrong or not known, or names a device, link or codec that does not exist.',
  },
  CUT_TRACE: { exit: 1, meaning: 'A trace of a link is malformed or has gaps.' },
  CUT_EMULATION: { exit: 1, meaning: 'This machine cannot emulate a link or a device in the way that was asked for.' },
  CUT_NOT_EQUAL: { exit: 1, meaning: 'Split and whole gave different answers.' },
  CUT_POWER: { exit: 1, meaning: 'A power meter of this device failed while it was read.' },
  CUT_PROFILE: { exit: 1, meaning: 'A file is not a profile of a model or link, or is of another version.' },
  CUT_PROFILE_MISMATCH: { exit: 1, meaning: 'Profiles do not belong together, or to the model that is planned.' },
  CUT_DATASET: { exit: 1, meaning: 'A data set is not one, does not fit the model, or has too many broken samples.' },
  CUT_IMAGE: { exit: 1, meaning: 'A picture is broken, or cannot be coded as one.' },
  CUT_IMAGE_LIBRARY: { exit: 1, meaning: 'The optional package sharp, which reads pictures, is not installed.' },
  CUT_CALIBRATION: { exit: 1, meaning: 'A file is not a calibration of a model, or is of another version.' },
  CUT_INFEASIBLE: { exit: 1, meaning: 'No plan keeps all limits, or the one that was chosen cannot run.' },
  CUT_CODEC: { exit: 1, meaning: 'The codec cannot carry this tensor, for example because it holds NaN.' },
  CUT_CODEC_PAYLOAD: { exit: 1, meaning: 'A payload of a codec is corrupt, truncated or too large.' },
  CUT_CODEC_TABLE: {
    exit: 1,
    meaning: 'A table of the transform codec is missing, damaged, of another version, or made for another cut.',
  },
  CUT_NOT_FOUND: { exit: 1, meaning: 'There is no model, deployment or device of that name.' },
  CUT_CONFLICT: {
    exit: 1,
    meaning: 'The id of a request was used for another one a short time ago, or two send the same file at once.',
  },
  CUT_HTTP: { exit: 1, meaning: 'An HTTP request breaks a rule or exceeds a limit of the server.' },
  CUT_STALE: { exit: 1, meaning: 'A request was made under an older deployment than the device acts on.' },
  CUT_CAMERA: { exit: 1, meaning: 'The page may not use the camera, or there is none.' },
  CUT_CONTENT: { exit: 1, meaning: 'A file that a deployment needs is not to be had, or is not what its hash says.' },
  CUT_DISK_FULL: { exit: 1, meaning: 'The disk, or what the content store may take of it, has no room for a file.' },
  CUT_MEMORY: { exit: 1, meaning: 'A device has less free memory than what it shall run needs.' },
  CUT_WINDOW: { exit: 2, meaning: 'A memory window is too small for the layers that it shall let through.' },
  CUT_DEPLOYMENT: { exit: 1, meaning: 'A deployment cannot be made, changed or found as it was asked for.' },
  CUT_CHECKPOINT: {
    exit: 1,
    meaning: 'A checkpoint of a language model is damaged, incomplete, or of a kind that is not supported.',
  },
  CUT_TOKENIZER: { exit: 1, meaning: 'A tokenizer is missing, damaged, or does not fit the model.' },
  CUT_PACKAGE: { exit: 1, meaning: 'A package of a language model is damaged, incomplete or of another version.' },
  CUT_SEQUENCE_LOST: {
    exit: 1,
    meaning: 'The server does not hold the text so far of what it shall continue.',
  },
  CUT_CHAT_TEMPLATE: {
    exit: 1,
    meaning: 'The chat template of a model is wrong, refuses the conversation, or exceeds a limit.',
  },
  CUT_RANK_MISSING: { exit: 1, meaning: 'A rank of a cluster cannot be reached, or did not come in time.' },
  CUT_RANK_REFUSED: {
    exit: 1,
    meaning: 'A rank does not belong to the cluster, for example because it has another key or version.',
  },
  CUT_RANK_LOST: {
    exit: 1,
    meaning: 'A rank of a running cluster is gone, or sent what is not due: it is out of step.',
  },
  CUT_GPU_MISSING: { exit: 1, meaning: 'There is no WebGPU, or no GPU that it can use.' },
  CUT_GPU_LIMIT: { exit: 1, meaning: 'A GPU allows no buffers or workgroups as large as a matrix or kernel needs.' },
  CUT_GPU_MEMORY: { exit: 1, meaning: 'The memory of a GPU is full.' },
  CUT_GPU_LOST: {
    exit: 1,
    meaning:
      'A GPU was lost while it worked, for example because its driver was restarted, or did not answer for long.',
  },
  CUT_INTERNAL: { exit: 1, meaning: 'A defect in Cutpoint itself; please report it.' },
} as const satisfies Record<string, { exit: 1 | 2; meaning: string }>;

/** A stable error code, `CUT_...`. */
export type ErrorCode = keyof typeof errorCodes;

const brand = Symbol.for('cutpoint.error');

/**
 * The one error type of the product: a stable code, a sentence that says what is wrong and what to do, and the cause.
 * @example throw new CutpointError('CUT_ILLEGAL_CUT', 'Cut 70 does not exist: the model has cuts 0 to 63.');
 */
export class CutpointError extends Error {
  override readonly name = 'CutpointError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
  }

  /** Works across duplicate installations of this package, unlike the prototype chain. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value;
  }
}

/** True if the text is a code that this version knows. */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(errorCodes, text);
}

/** The message of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Returns a `CutpointError` as it is and wraps anything else under `code`, keeping it as the cause. */
export function asCutpointError(thrown: unknown, code: ErrorCode, context?: string): CutpointError {
  if (thrown instanceof CutpointError) return thrown;
  const message = messageOf(thrown);
  return new CutpointError(code, context === undefined ? message : `${context}: ${message}`, { cause: thrown });
}
