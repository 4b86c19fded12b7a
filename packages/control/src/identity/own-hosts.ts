import { hostname } from 'node:os';
import { ownAddresses } from '../network/own-network.js';
import { hostName, maxHosts } from './names.js';

/** The names and addresses under which this machine is reached, for its certificate: itself first. */
export function ownHosts(): readonly string[] {
  const hosts = new Set(['localhost', hostname().toLowerCase(), ...ownAddresses()]);
  return [...hosts].filter((host) => hostName.safeParse(host).success).slice(0, maxHosts);
}
