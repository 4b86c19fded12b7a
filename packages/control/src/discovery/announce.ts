import type { CutpointError } from '@cutpoint/core';
import { type Announcement, serviceType, txtOf } from './announcement.js';
import { closeMulticastDns, type MulticastOptions, openMulticastDns } from './multicast-dns.js';

export interface AnnounceOptions extends MulticastOptions {
  /** Hears why mDNS does not work, for the log: a server runs without it, too. Must not throw. */
  readonly onProblem: (error: CutpointError) => void;
}

/** Announces a server on the local network until disposed. */
export async function announce(announcement: Announcement, options: AnnounceOptions): Promise<AsyncDisposable> {
  const bonjour = await openMulticastDns(options, options.onProblem);
  const { fleet, device, http } = announcement;
  // No question first whether the name is taken: fleets name their servers, and the answer would only be printed.
  bonjour.publish({
    name: `${device} of ${fleet}`,
    type: serviceType,
    port: http,
    txt: txtOf(announcement),
    probe: false,
  });
  return { [Symbol.asyncDispose]: () => closeMulticastDns(bonjour) };
}
