import type { Address, Scheme } from './address.js';
import type { Transport } from './transport.js';
import { memoryTransport } from './transport-memory.js';
import { mqttTransport } from './transport-mqtt.js';
import { tcpTransport } from './transport-tcp.js';
import { webSocketTransport } from './transport-ws.js';

const transports: Readonly<Record<Scheme, Transport>> = {
  tcp: tcpTransport,
  tcps: tcpTransport,
  ws: webSocketTransport,
  wss: webSocketTransport,
  memory: memoryTransport,
  mqtt: mqttTransport,
};

/** The transport of an address. */
export function transportOf({ scheme }: Address): Transport {
  return transports[scheme];
}
