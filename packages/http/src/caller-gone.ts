import { CancelSource, CutpointError } from '@cutpoint/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { onExchangeEnd } from './exchange-end.js';

/**
 * A signal that aborts once the caller has gone before all of the answer was sent; it has where the caller went before the
 * request was read.
 */
export async function callerGone({ raw }: FastifyRequest, reply: FastifyReply): Promise<CancelSource> {
  const gone = new CancelSource();
  const leave = () => gone.abort(new CutpointError('CUT_CANCELLED', 'The caller has gone.'));
  onExchangeEnd(raw, reply.raw, () => {
    if (!reply.raw.writableFinished) leave();
  });
  await endsAreRead();
  if (raw.socket.destroyed) leave();
  return gone;
}

/**
 * Of callers that went while this process did not run (stopped, or too busy), the request is read first, and its end in the
 * next turn of the event loop but one. Computing for all of them would keep those waiting who are there.
 */
async function endsAreRead(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise(setImmediate);
}
