import { CutpointError } from '@cutpoint/core';
import type { Log } from './log.js';
import { isLoopback } from './loopback.js';

/**
 * Makes sure that what a fleet says does not cross a network unencrypted, unless that is wanted, which is logged.
 * @param url `mqtt://host:port` or `mqtts://host:port`
 * @throws CutpointError CUT_INSECURE_BIND
 */
export function checkBrokerAddress(url: string, insecure: boolean, log: Log): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'mqtts:' || isLoopback(hostname)) return;
  if (!insecure) {
    const message = `${url} is on another machine, and mqtt:// is not encrypted: pair the devices (cutpoint pair) and use mqtts://, or accept the risk with --insecure.`;
    throw new CutpointError('CUT_INSECURE_BIND', message);
  }
  log.warn({ broker: url }, 'insecure: anyone on the way to the broker can read and change what the fleet says');
}
