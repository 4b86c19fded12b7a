import { CutpointError } from '@cutpoint/core';

const highestPort = 65_535;

/**
 * Reads `host:port` of a flag, an address of IPv6 in brackets. Port 0 is read too: it takes a free one.
 * @returns the host without brackets
 * @throws CutpointError CUT_USAGE
 */
export function readHostPort(flag: string, text: string): { readonly host: string; readonly port: number } {
  const [, host, digits] = /^(\[[^\]]+\]|[^:/?#@[\]\s]+):(\d+)$/.exec(text) ?? [];
  if (host === undefined || !URL.canParse(`http://${host}`)) {
    throw new CutpointError('CUT_USAGE', `${flag} is "${text}", but must be host:port, such as 127.0.0.1:7480.`);
  }
  const port = Number(digits);
  if (port <= highestPort) return { host: host.replace(/^\[(.*)\]$/, '$1'), port };
  throw new CutpointError('CUT_USAGE', `${flag} is "${text}", but ports end at ${highestPort}.`);
}
