import { leadSettings, shardsFolder, startLead } from '@cutpoint/cluster';
import { type Daemon, OpenResources } from '@cutpoint/daemon';
import { configureDaemon } from '../daemon-verb.js';
import { onInterrupt } from '../interrupt.js';
import type { Verb } from '../verb.js';
import { haveCoresEach, ranksHere, startLocalRanks } from './local-ranks.js';
import { addresses, needRanks, rankAddresses, shares, windows } from './rank-options.js';

/** `cutpoint cluster serve`: a language model that is divided over several machines, over an API like OpenAI's. */
export const clusterServeVerb: Verb = {
  example: 'cutpoint cluster serve llama --ranks tcp://pi-1:7410,tcp://pi-2:7410 --http 127.0.0.1:7480',
  configure: (command) => configureDaemon(command, leadSettings, start),
};

const start: Parameters<typeof configureDaemon<typeof leadSettings>>[2] = async (settings, { log }) => {
  const { local, threads, rankCa: ca, rankTokenFile: tokenFile } = settings;
  needRanks(settings);
  const windowBytes = settings.window === undefined ? undefined : windows(settings.window);
  const ranks = settings.ranks === undefined ? [] : addresses(settings.ranks);
  const files = { ...(ca && { ca }), ...(tokenFile && { tokenFile }) };
  const named = await rankAddresses({ ranks, ...files }, { tokenFile: '--rank-token-file', ca: '--rank-ca' });
  const opened = new OpenResources();
  using interrupt = onInterrupt();
  try {
    const own = opened.add(
      await startLocalRanks((local ?? 1) - 1, {
        shards: shardsFolder(settings.shards),
        pins: local !== undefined && threads === 1 && haveCoresEach(local, threads),
        windows: windowBytes !== undefined,
        signal: interrupt.signal,
      }),
    );
    const others = [...own.processes.map(({ url }) => ({ url })), ...named];
    const lead = await startLead(settings, {
      log,
      others,
      shares: settings.shares === undefined ? undefined : shares(settings.shares),
      windowBytes,
      spin: haveCoresEach(ranksHere(others), threads),
      signal: interrupt.signal,
    });
    opened.add({ [Symbol.asyncDispose]: () => lead.close() });
    return { ...lead, close: () => opened.close() } satisfies Daemon;
  } catch (thrown) {
    await opened.close();
    throw thrown;
  }
};
