import { type DaemonProcess, startDaemonProcess } from './daemon-process.js';

/**
 * Starts `cutpoint serve` with these arguments on a free port of loopback and waits until it is ready.
 * It stops when disposed, and by itself when this process dies.
 * @throws CutpointError what the server says if it fails; CUT_DEADLINE after two minutes; the signal's reason.
 */
export function startLocalServer(args: readonly string[], signal: AbortSignal): Promise<DaemonProcess> {
  const own = ['--listen', 'ws://127.0.0.1:0', '--log-level', 'warn'];
  return startDaemonProcess({ verb: 'serve', args: [...args, ...own], signal });
}
