import tls, { type TLSSocket } from 'node:tls';
import { asCutpointError, type CancelSignal, type CutpointError, cancelReason, onCancel } from '@cutpoint/core';
import type { ClientTls } from '@cutpoint/wire';

export interface TlsDial {
  readonly host: string;
  readonly port: number;
  /** For messages. */
  readonly url: string;
  readonly tls: ClientTls;
  readonly signal: CancelSignal;
}

/**
 * Opens a TLS connection that only `tls.check` has judged, or nobody without it; nothing was said on it yet.
 * @throws CutpointError CUT_UNREACHABLE, the signal's reason, what the check throws
 */
export async function dialTls({ host, port, url, tls: own, signal }: TlsDial): Promise<TLSSocket> {
  const socket = tls.connect({
    host,
    port,
    minVersion: 'TLSv1.3',
    rejectUnauthorized: false,
    ...(own.cert === undefined || own.key === undefined ? {} : { cert: own.cert, key: own.key }),
  });
  using _ = onCancel(signal, () => socket.destroy(cancelReason(signal)));
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', (error) => reject(signal.aborted ? cancelReason(signal) : unreachable(url, error)));
    socket.once('close', () => reject(unreachable(url, new Error('the connection was closed'))));
  });
  try {
    own.check?.({ certificate: socket.getPeerX509Certificate(), host });
    return socket;
  } catch (thrown) {
    socket.destroy();
    throw thrown;
  }
}

function unreachable(url: string, cause: Error): CutpointError {
  return asCutpointError(cause, 'CUT_UNREACHABLE', `No server answers at ${url}`);
}
