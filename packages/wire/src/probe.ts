import { CutpointError, type NamedTensors, type Tensor } from '@cutpoint/core';
import type { Meta } from './frame-encode.js';
import type { IncomingRequest } from './served-connection.js';

/** The method by which a link is measured: bytes there, bytes back, and nothing done with them. */
export const probeMethod = 'probe';

/** A probe asks for no more than this, so that nobody makes a daemon hold much for nothing. */
export const maxProbeBytes = 16 * 1024 ** 2;

/**
 * Answers a `probe` request at once with as many zero bytes as its meta data ask for (`replyBytes`, none if it is left
 * out), as the tensor `bytes`. What the request carries itself is dropped.
 * @throws CutpointError CUT_INPUT unless `replyBytes` is a whole number up to `maxProbeBytes`.
 */
export function answerProbe({ meta }: Pick<IncomingRequest, 'meta'>): { meta: Meta; tensors?: NamedTensors } {
  const { replyBytes = 0 } = meta;
  if (typeof replyBytes !== 'number' || !Number.isInteger(replyBytes) || replyBytes < 0 || replyBytes > maxProbeBytes) {
    throw new CutpointError('CUT_INPUT', `A probe asks for 0 to ${maxProbeBytes} bytes, as replyBytes.`);
  }
  if (replyBytes === 0) return { meta: {} };
  return { meta: {}, tensors: new Map([['bytes', zeroBytes(replyBytes)]]) };
}

/** A tensor of so many zero bytes. */
export function zeroBytes(bytes: number): Tensor {
  return { dtype: 'u8', shape: [bytes], data: new Uint8Array(bytes) };
}
