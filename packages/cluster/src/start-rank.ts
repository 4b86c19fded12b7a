import { join } from 'node:path';
import { bareHost, type Daemon, type Log, startDaemon } from '@cutpoint/daemon';
import { cacheFolder } from '@cutpoint/runtime';
import { type RankEvent, RankHost } from './control/rank-host.js';
import { ShardStore } from './control/shard-store.js';
import type { RankSettings } from './rank-settings.js';
import { noSlotsText, windowEnvironmentAdvice } from './window/window-environment.js';

/** Rank 0 that says nothing for so long is lost: what its shard takes is freed. */
const silenceMs = 3_000;

/** Where shards are kept if nothing else is said. */
export function shardsFolder(given: string | undefined): string {
  return given ?? join(cacheFolder(), 'shards');
}

/** @param what which file, and how. */
export function damagedShardText(what: string): string {
  return `a shard was damaged and is made anew: ${what}`;
}

/**
 * Starts a daemon that lends this machine to clusters, one at a time.
 * @throws CutpointError CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE, CUT_FILE_NOT_FOUND, CUT_TLS
 */
export async function startRank(settings: RankSettings, { log }: { readonly log: Log }): Promise<Daemon> {
  const { listen, shards, shardsMb } = settings;
  return await startDaemon(settings, log, async (opened) => {
    const host = opened.add(
      new RankHost({
        store: new ShardStore(shardsFolder(shards), {
          mostBytes: shardsMb * 1e6,
          onDamaged: (what) => log.warn(damagedShardText(what)),
        }),
        // Other ranks reach this one where rank 0 does.
        host: bareHost(new URL(listen).hostname),
        onEvent: (event) => logEvent(log, event),
      }),
    );
    return { name: 'rank', handler: host.handler, health: () => ({ ready: true }), silenceMs };
  });
}

function logEvent(log: Log, event: RankEvent): void {
  if (event.kind === 'shard') {
    const { name, slice } = event.shard.manifest;
    log.info({ model: name, rank: slice.rank, ranks: slice.ranks }, event.arrived ? 'shard arrived' : 'shard is here');
  } else if (event.kind === 'window-environment') log.warn(windowEnvironmentAdvice);
  else if (event.kind === 'no-slots') log.warn(noSlotsText(event.why));
  else if (event.kind === 'joined') log.info({ rank: event.rank, ranks: event.ranks }, 'joined a cluster');
  else if (event.reason === undefined) log.info('the cluster ended');
  else log.warn({ code: event.reason.code }, event.reason.message);
}
