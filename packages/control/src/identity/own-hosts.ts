import { hostname, networkInterfaces } from 'node:os';
import { hostName, maxHosts } from './names.js';

/** The names and addresses under which this machine is reached, for its certificate: itself first. */
export function ownHosts(): readonly string[] {
  const hosts = new Set(['localhost', hostname().toLowerCase(), ...ownAddresses()]);
  return [...hosts].filter((host) => hostName.safeParse(host).success).slice(0, maxHosts);
}

/**
 * What others have to connect to where a daemon listens: its address, or, where it listens on all, each of this machine
 * that others can reach.
 * @param url any address with a host and a port
 */
export function reachableUrls(url: string): readonly string[] {
  const parsed = new URL(url);
  if (parsed.hostname !== '0.0.0.0' && parsed.hostname !== '[::]') return [url];
  const { protocol, port } = parsed;
  const hosts = ownAddresses().filter((address) => !address.startsWith('127.') && address !== '::1');
  return hosts.map((host) => `${protocol}//${host.includes(':') ? `[${host}]` : host}:${port}`);
}

/** IPv4 first. An address with a zone (`fe80::1%eth0`) means nothing elsewhere. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const usable = all.filter(({ address }) => !address.includes('%') && !address.startsWith('fe80'));
  const byFamily = (family: string) => usable.filter((one) => one.family === family).map(({ address }) => address);
  return [...byFamily('IPv4'), ...byFamily('IPv6')];
}
