import { hostname, networkInterfaces } from 'node:os';
import { hostName, maxHosts } from './names.js';

/** The names and addresses under which this machine is reached, for its certificate: itself first. */
export function ownHosts(): readonly string[] {
  const hosts = new Set(['localhost', hostname().toLowerCase(), ...ownAddresses()]);
  return [...hosts].filter((host) => hostName.safeParse(host).success).slice(0, maxHosts);
}

/** IPv4 first. An address with a zone (`fe80::1%eth0`) means nothing elsewhere. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const usable = all.filter(({ address }) => !address.includes('%') && !address.startsWith('fe80'));
  const byFamily = (family: string) => usable.filter((one) => one.family === family).map(({ address }) => address);
  return [...byFamily('IPv4'), ...byFamily('IPv6')];
}
