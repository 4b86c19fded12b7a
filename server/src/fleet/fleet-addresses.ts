import { CutpointError } from '@cutpoint/core';
import { isLoopback, readHostPort } from '@cutpoint/daemon';
import type { ServerSettings } from '../settings.js';

/** Where a fleet's server listens. */
export interface FleetAddresses {
  /** For the wire. */
  readonly listen: string;
  /** For its own broker. */
  readonly mqtt: { readonly host: string; readonly port: number; readonly secure: boolean };
  /** `host:port` of the HTTP API. */
  readonly http: { readonly address: string; readonly secure: boolean };
}

type AddressSettings = Pick<ServerSettings, 'listen' | 'mqtt' | 'http' | 'lan'>;

/**
 * What the settings ask for. With `lan`, all of it is encrypted, and what would be on loopback is open to the network.
 * HTTP beyond loopback is encrypted unless it is written as `http://`.
 * @throws CutpointError CUT_USAGE
 */
export function fleetAddresses({ listen, mqtt, http: given, lan }: AddressSettings): FleetAddresses {
  const http = given ?? '127.0.0.1:7480';
  const [, scheme, place = ''] = /^(?:(https?):\/\/)?(.*?)\/?$/.exec(http) ?? [];
  const { host, port } = readHostPort('--http', place);
  if (lan && given !== undefined && isLoopback(host)) {
    const message = `--lan opens HTTP to the network, where devices fetch what they run, but --http ${given} says this machine alone: leave --http out, or give 0.0.0.0:${port}.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  const broker = new URL(mqtt);
  const opened = (name: string) => (lan && isLoopback(name) ? '0.0.0.0' : name);
  return {
    listen: lan ? toLan(listen) : listen,
    mqtt: {
      host: opened(broker.hostname).replace(/^\[(.*)\]$/, '$1'),
      port: Number(broker.port),
      secure: lan || broker.protocol === 'mqtts:',
    },
    http: {
      address: `${bracketed(opened(host))}:${port}`,
      secure: lan || scheme === 'https' || (scheme === undefined && !isLoopback(host)),
    },
  };
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** `ws://127.0.0.1:7400` becomes `wss://0.0.0.0:7400`. */
function toLan(url: string): string {
  const [, scheme, host = '', rest = ''] = /^(ws|tcp)s?:\/\/(\[[^\]]*\]|[^:/]*)(.*)$/.exec(url) ?? [];
  return `${scheme}s://${isLoopback(host) ? '0.0.0.0' : host}${rest}`;
}
