import { asCutpointError, type CutpointError } from '@cutpoint/core';
import { watchNetwork } from '../network/watch-network.js';
import { type Announcement, serviceType, txtOf } from './announcement.js';
import { type MulticastDns, type MulticastOptions, openMulticastDns } from './multicast-dns.js';

export interface AnnounceOptions extends MulticastOptions {
  /** Hears on which networks the server is announced by now: again, whenever the addresses of this machine change. */
  readonly onNetworks?: (names: readonly string[]) => void;
  /** Hears why mDNS does not work, for the log: a server runs without it, too. Must not throw. */
  readonly onProblem: (error: CutpointError) => void;
}

/** Announces a server on all networks of this machine, those included that it joins later, until disposed. */
export async function announce(announcement: Announcement, options: AnnounceOptions): Promise<AsyncDisposable> {
  let current = await publish(announcement, options);
  let changing = Promise.resolve();
  const watching = watchNetwork(() => {
    changing = changing.then(async () => {
      await current.close();
      current = await publish(announcement, options);
    });
    changing = changing.catch((thrown: unknown) => options.onProblem(asCutpointError(thrown, 'CUT_INTERNAL')));
  });
  return {
    async [Symbol.asyncDispose]() {
      watching[Symbol.dispose]();
      await changing;
      await current.close();
    },
  };
}

async function publish(announcement: Announcement, options: AnnounceOptions): Promise<MulticastDns> {
  const opened = await openMulticastDns(options, options.onProblem);
  const { fleet, device, http } = announcement;
  for (const { bonjour } of opened.networks) {
    // No question first whether the name is taken: fleets name their servers, and the answer would only be printed.
    bonjour.publish({
      name: `${device} of ${fleet}`,
      type: serviceType,
      port: http,
      txt: txtOf(announcement),
      probe: false,
    });
  }
  options.onNetworks?.(opened.networks.map(({ name }) => name));
  return opened;
}
