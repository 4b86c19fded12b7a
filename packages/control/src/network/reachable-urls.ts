import { isLoopbackHost } from '../broker/loopback-host.js';
import { type Interfaces, ownAddresses } from './own-network.js';

/** The addresses of what listens on `url`: the one, or, where it listens on all of this machine, those of `ownAddresses`. */
export function listenedUrls(url: string, interfaces?: Interfaces): readonly string[] {
  const { hostname } = new URL(url);
  if (hostname !== '0.0.0.0' && hostname !== '[::]') return [url];
  return ownAddresses(interfaces).map((address) =>
    url.replace(`//${hostname}`, `//${address.includes(':') ? `[${address}]` : address}`),
  );
}

/**
 * How others reach what listens on `url`: another machine, or, where it listens on loopback alone, programs of this one.
 * Undefined where it listens on all addresses of a machine that has none yet but loopback.
 */
export function reachableUrl(url: string, interfaces?: Interfaces): string | undefined {
  const urls = listenedUrls(url, interfaces);
  if (urls.length === 1 && urls[0] === url) return url;
  return urls.find((each) => !isLoopbackHost(new URL(each).hostname.replace(/^\[(.*)\]$/, '$1')));
}
