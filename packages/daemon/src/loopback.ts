import { isIP } from 'node:net';

/** True if only this machine can reach the host name or address: `localhost`, 127.0.0.0/8 or `::1`, brackets allowed. */
export function isLoopback(host: string): boolean {
  const bare = bareHost(host).toLowerCase();
  if (isIP(bare) === 4) return bare.startsWith('127.');
  return bare === 'localhost' || bare === '::1';
}

/** A host of an address without the brackets that IPv6 has there: `[::1]` is `::1`. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
