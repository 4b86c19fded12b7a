import { isIP } from 'node:net';

/** True if only this machine can reach the host name or address: `localhost`, 127.0.0.0/8 or `::1`, brackets allowed. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (isIP(bare) === 4) return bare.startsWith('127.');
  return bare === 'localhost' || bare === '::1';
}
