import { once } from 'node:events';
import net from 'node:net';
import { asCutpointError, type CancelSignal, CutpointError, cancelReason, isErrorCode, onCancel } from '@cutpoint/core';
import { z } from 'zod';
import type { AdministrationRequest } from './administration-request.js';
import { readLine, socketPath } from './local-socket.js';

const maxReplyBytes = 4 * 1024 * 1024;

const reply = z.union([
  z.object({ error: z.object({ code: z.string(), message: z.string() }) }),
  z.object({ result: z.record(z.string(), z.unknown()) }),
]);

/**
 * Asks the server that runs on a folder. Undefined if none does.
 * @throws CutpointError what the server says; CUT_UNREACHABLE if it gives no answer; the signal's reason
 */
export async function askLocally(
  folder: string,
  request: AdministrationRequest,
  signal: CancelSignal,
): Promise<object | undefined> {
  const socket = net.connect({ path: socketPath(folder) });
  using _ = onCancel(signal, () => socket.destroy(cancelReason(signal)));
  try {
    await once(socket, 'connect');
    socket.end(`${JSON.stringify(request)}\n`);
    const answer = reply.parse(JSON.parse(await readLine(socket, maxReplyBytes)));
    if ('result' in answer) return answer.result;
    const { code, message } = answer.error;
    throw new CutpointError(isErrorCode(code) ? code : 'CUT_INTERNAL', message);
  } catch (thrown) {
    if (signal.aborted) throw cancelReason(signal);
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ECONNREFUSED') return undefined;
    throw asCutpointError(thrown, 'CUT_UNREACHABLE', 'The server gives no answer');
  } finally {
    socket.destroy();
  }
}
