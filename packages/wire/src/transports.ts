import type { Address, Scheme } from './address.js';
import type { Transport } from './transport.js';
import { memoryTransport } from './transport-memory.js';
import { tcpTransport } from './transport-tcp.js';

const transports: Readonly<Record<Scheme, Transport>> = {
  tcp: tcpTransport,
  tcps: tcpTransport,
  memory: memoryTransport,
};

/** The transport of an address. */
export function transportOf({ scheme }: Address): Transport {
  return transports[scheme];
}
