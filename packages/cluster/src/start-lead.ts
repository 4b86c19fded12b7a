import { CutpointError } from '@cutpoint/core';
import { type Daemon, type Log, OpenResources } from '@cutpoint/daemon';
import type { ClusterEvent } from './control/cluster-decoder.js';
import type { RankEndpoint } from './control/remote-rank.js';
import type { LeadSettings } from './lead-settings.js';
import { type ClusterModel, type ClusterModelOptions, openClusterModel } from './open-cluster-model.js';
import { openRankMetrics } from './rank-metrics.js';
import { damagedShardText, shardsFolder } from './start-rank.js';
import { lacksWindowEnvironment, noSlotsText, windowEnvironmentAdvice } from './window/window-environment.js';

export interface LeadOptions extends Pick<ClusterModelOptions, 'shares' | 'windowBytes' | 'spin' | 'signal'> {
  readonly log: Log;
  /** The ranks 1, 2, ... */
  readonly others: readonly RankEndpoint[];
}

/**
 * Brings ranks together and serves their language model over HTTP as OpenAI's API does, until closed.
 * @throws CutpointError as `openClusterModel` and `serveTextModel`; CUT_USAGE.
 */
export async function startLead(settings: LeadSettings, { log, ...cluster }: LeadOptions): Promise<Daemon> {
  const { model: folder, http, shards, threads, cache, allReduce, tlsCert, tlsKey } = settings;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new CutpointError('CUT_USAGE', 'A certificate needs its key: give --tls-cert and --tls-key, or neither.');
  }
  if (cluster.windowBytes !== undefined && lacksWindowEnvironment()) log.warn(windowEnvironmentAdvice);
  // Loaded where it is needed: with it comes all that HTTP takes.
  const { serveTextModel } = await import('@cutpoint/llm/api');
  const opened = new OpenResources();
  try {
    const model = opened.add(
      await openClusterModel(folder, {
        ...cluster,
        shards: shardsFolder(shards),
        threads,
        cache,
        allReduce,
        onEvent: (event) => logEvent(log, event),
      }),
    );
    const { name } = model.manifest;
    const measure = (registers: Parameters<typeof openRankMetrics>[0]) =>
      openRankMetrics(registers, () => model.decoder.readings());
    const door = { ...model, name, measure, health: () => healthOf(model), log };
    const { url } = opened.add(await serveTextModel(http, settings, door));
    log.info({ url }, 'ready');
    return { url, fleetUrl: url, close: () => opened.close() };
  } catch (thrown) {
    await opened.close();
    throw thrown;
  }
}

/** Not ready while the ranks are brought together anew. */
function healthOf({ manifest, decoder }: ClusterModel) {
  const ranks = decoder.readings().length;
  return { ready: ranks > 0, model: manifest.name, ranks };
}

function logEvent(log: Log, event: ClusterEvent): void {
  if (event.kind === 'lost') log.warn({ rank: event.rank, code: event.reason.code }, event.reason.message);
  else if (event.kind === 'returned') log.info({ rank: event.rank }, 'a rank is there again');
  else if (event.kind === 'damaged-shard') log.warn(damagedShardText(event.what));
  else if (event.kind === 'no-slots') log.warn(noSlotsText(event.why));
  else if (event.ranks.length === 0) log.warn('this machine goes on alone');
  else {
    log.info({ ranks: event.ranks.length + 1, others: event.ranks }, 'the ranks are together');
    for (const line of event.facts.explanation) log.debug(line);
  }
}
