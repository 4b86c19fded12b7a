import type { MessagePort } from 'node:worker_threads';
import { CutpointError } from '@cutpoint/core';
import { DataPort } from '../group/data-port.js';
import { openGroup } from '../group/group.js';
import type { RankGroup } from '../group/rank-group.js';
import type { FromRankThread, JoinMessage, RankThreadRequest, ToRankThread } from './rank-thread-protocol.js';

/** All ranks are told to join at about the same time. */
const openWithinMs = 15_000;

/**
 * Listens for lower ranks, says on the port where, and connects with all of them once it is told where they are. From then on
 * the port may end the group.
 * @throws CutpointError CUT_BIND, CUT_RANK_MISSING, CUT_RANK_REFUSED, or what the port ended it with.
 */
export async function meetRanks(port: MessagePort, request: RankThreadRequest): Promise<RankGroup> {
  const { rank, ranks } = request.shard.manifest.slice;
  const { host, cluster, key, spin } = request;
  const abort = new AbortController();
  let group: RankGroup | undefined;
  const joined = new Promise<JoinMessage>((resolve, reject) => {
    port.on('message', (message: ToRankThread) => {
      if (message.kind === 'join') resolve(message);
      else {
        const error = new CutpointError(message.code, message.message);
        reject(error);
        abort.abort(error);
        group?.end(error);
      }
    });
  });
  using dataPort = await DataPort.open({ host, port: 0 });
  port.postMessage({ kind: 'listening', port: dataPort.address.port } satisfies FromRankThread);
  const { addresses, rules } = await joined;
  group = await openGroup(dataPort, {
    rank,
    ranks,
    secret: { id: Buffer.from(cluster, 'hex'), key: Buffer.from(key, 'hex') },
    addresses,
    rules,
    wait: spin ? 'spin' : 'sleep',
    openWithinMs,
    signal: abort.signal,
  });
  return group;
}
