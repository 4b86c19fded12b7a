import { CutpointError } from '@cutpoint/core';

/** The transports and whether they are encrypted. */
export type Scheme = 'tcp' | 'tcps' | 'ws' | 'wss' | 'memory' | 'mqtt';

/** Where to listen or connect. `host` is the name for `memory:` addresses and the device for `mqtt:` addresses. */
export interface Address {
  readonly url: string;
  readonly scheme: Scheme;
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

const schemes: ReadonlySet<string> = new Set<Scheme>(['tcp', 'tcps', 'ws', 'wss', 'memory', 'mqtt']);
/** What devices are called: the name is a part of topics. */
const deviceName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const defaultPorts: Readonly<Record<string, number>> = { ws: 80, wss: 443 };

/** Reads `tcp://host:port`, `tcps://`, `ws://`, `wss://`, `memory:name` or `mqtt:device`. @throws CutpointError CUT_USAGE */
export function parseAddress(url: string): Address {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const scheme = parsed?.protocol.slice(0, -1) ?? '';
  if (parsed === undefined || !schemes.has(scheme)) throw wrong(url);
  if (scheme === 'memory' || scheme === 'mqtt') {
    if (parsed.pathname === '' || (scheme === 'mqtt' && !deviceName.test(parsed.pathname))) throw wrong(url);
    return { url, scheme, host: parsed.pathname, port: 0, secure: false };
  }
  const port = parsed.port === '' ? defaultPorts[scheme] : Number(parsed.port);
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  if (port === undefined || host === '') throw wrong(url);
  return { url, scheme: scheme as Scheme, host, port, secure: scheme === 'tcps' || scheme === 'wss' };
}

/** The URL of an address with the port that was really taken. */
export function urlWithPort({ scheme, host }: Address, port: number): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function wrong(url: string): CutpointError {
  return new CutpointError(
    'CUT_USAGE',
    `"${url}" is no address; use ws://host:port, wss://host:port, tcp://host:port, tcps://host:port, or mqtt:device through a broker.`,
  );
}
