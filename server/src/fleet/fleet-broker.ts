import { type BrokerAddress, type DeviceId, openBroker, type Refusal } from '@cutpoint/control';
import { checkBrokerAddress, fewRepeats, hostOf, type Log, type OpenResources } from '@cutpoint/daemon';
import type { ServerSettings } from '../settings.js';
import type { FleetAddresses } from './fleet-addresses.js';
import type { FleetSecurity } from './fleet-security.js';

interface BrokerParts {
  readonly device: DeviceId;
  readonly at: FleetAddresses['mqtt'];
  readonly security: FleetSecurity;
  readonly opened: OpenResources;
  readonly log: Log;
}

/** How this server reaches the broker of its fleet, and where that listens. */
export type FleetBroker = BrokerAddress & { readonly listensAt: string };

/**
 * The broker of the settings, or one in this process, and how this server proves there who it is. Devices that pair are
 * told where it is.
 * @throws CutpointError CUT_INSECURE_BIND, CUT_BIND, CUT_TLS
 */
export async function openFleetBroker(settings: ServerSettings, parts: BrokerParts): Promise<FleetBroker> {
  const { broker: url, insecure } = settings;
  if (url === undefined) return await openOwn(parts);
  const { device, security, log } = parts;
  checkBrokerAddress(url, insecure, log);
  if (!url.startsWith('mqtts:')) return { url, device, listensAt: url };
  const { hostname: host, port } = new URL(url);
  security.server.identities.places.broker = { host, port: Number(port) };
  return { url, device, tls: () => security.server.toBrokerTls(), listensAt: url };
}

async function openOwn({ device, at, security, opened, log }: BrokerParts): Promise<FleetBroker> {
  const { server } = security;
  const broker = opened.add(
    await openBroker({
      fleet: server.identities.fleet,
      listen: at,
      ...(at.secure ? { tls: server.brokerTls() } : {}),
      onRefused: logRefusals(log),
    }),
  );
  if (!at.secure) return { url: broker.url, device, password: broker.serverPassword, listensAt: broker.url };
  security.guard({ renew: (tls) => broker.renew(tls), revoked: (revoked) => broker.disconnect(revoked) });
  const url = fromHere(broker.url);
  server.identities.places.broker = { port: Number(new URL(url).port) };
  return { url, device, tls: () => security.tlsFor(device), listensAt: broker.url };
}

/** A client that is refused tries again for as long as it runs. */
function logRefusals(log: Log): (refusal: Refusal) => void {
  return fewRepeats<[Refusal]>(
    (repeats, { error: { code, message }, address, device, untold }) => {
      const more = untold + repeats;
      log.warn({ code, address, device, ...(more > 0 ? { untold: more } : {}) }, message);
    },
    { kindOf: ({ error, address, device }) => `${error.code} ${device ?? hostOf(address)} ${error.message}` },
  );
}

/** The address by which this machine reaches what listens on all its addresses. */
export function fromHere(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}
