import { createHash, X509Certificate } from 'node:crypto';
import { type Announcement, announce, contentHash } from '@cutpoint/control';
import { asCutpointError, type CutpointError } from '@cutpoint/core';
import { isLoopback, type Log, type OpenResources } from '@cutpoint/daemon';

export interface AnnouncedServer extends Pick<Announcement, 'fleet' | 'device'> {
  /** Addresses with their real ports; the broker's is undefined where it is not this server's own. */
  readonly http: string;
  readonly wire: string;
  readonly mqtt: string | undefined;
  /** The certificate of the fleet's authority, PEM; undefined where there is none. */
  readonly authority: string | undefined;
}

/**
 * Announces a server on the local network until `opened` is closed, so that devices find it without its address. Only
 * where others reach its HTTP API, as devices are paired there. Where mDNS does not work, the log says so.
 */
export async function announceServer(
  opened: OpenResources,
  { fleet, device, http, wire, mqtt, authority }: AnnouncedServer,
  log: Log,
): Promise<void> {
  if (isLoopback(new URL(http).hostname)) return;
  const hash = authority === undefined ? {} : { authority: hashOf(authority) };
  const own = mqtt === undefined ? {} : { mqtt: portOf(mqtt) };
  const announcement = { fleet, device, http: portOf(http), wire: portOf(wire), ...own, ...hash };
  const onProblem = ({ code, message }: CutpointError) => log.warn({ code }, message);
  try {
    const onNetworks = (networks: readonly string[]) => {
      if (networks.length > 0) log.info({ ...announcement, networks }, 'announces itself on the local network');
    };
    opened.add(await announce(announcement, { onNetworks, onProblem }));
  } catch (thrown) {
    onProblem(asCutpointError(thrown, 'CUT_BIND', 'mDNS does not work here'));
  }
}

function hashOf(certificate: string): Announcement['authority'] {
  return contentHash.parse(createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex'));
}

const portOf = (url: string): number => Number(new URL(url).port);
