import { isIPv4 } from 'node:net';

/** True if only this machine can reach the host name or address. */
export function isLoopbackHost(host: string): boolean {
  return isIPv4(host) ? host.startsWith('127.') : host === 'localhost' || host === '::1';
}
