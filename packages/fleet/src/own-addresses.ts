import { networkInterfaces } from 'node:os';
import { isLoopback } from '@cutpoint/daemon';

const most = 16;

/**
 * The addresses under which others reach what listens on `url`: of all interfaces where it listens on all. Loopback is
 * left out unless the broker is reached by it, as elsewhere it would lead to somebody else; then it comes last.
 */
export function addressesToAnnounce(
  url: string,
  {
    loopback,
    interfaces = networkInterfaces(),
  }: { loopback: boolean; interfaces?: ReturnType<typeof networkInterfaces> },
): readonly string[] {
  const { hostname } = new URL(url);
  const any = hostname === '0.0.0.0' || hostname === '[::]';
  const urls = any ? hostsOf(interfaces).map((host) => withHost(url, hostname, host)) : [url];
  const isOwn = (each: string) => isLoopback(new URL(each).hostname);
  return [...urls.filter((each) => !isOwn(each)), ...(loopback ? urls.filter(isOwn) : [])].slice(0, most);
}

/** IPv4 first; link-local addresses of IPv6 mean nothing without a zone, which differs from machine to machine. */
function hostsOf(interfaces: ReturnType<typeof networkInterfaces>): string[] {
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  const v4 = all.filter(({ family }) => family === 'IPv4').map(({ address }) => address);
  const v6 = all.filter(({ family, address }) => family === 'IPv6' && !address.toLowerCase().startsWith('fe80'));
  return [...v4, ...v6.map(({ address }) => `[${address}]`)];
}

function withHost(url: string, hostname: string, host: string): string {
  return url.replace(`//${hostname}`, `//${host}`);
}
