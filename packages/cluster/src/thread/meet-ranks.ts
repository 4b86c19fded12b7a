import type { MessagePort } from 'node:worker_threads';
import { CutpointError } from '@cutpoint/core';
import { agreeRules } from '../group/agree-rules.js';
import type { ReduceSpace } from '../group/choose/choose-reduce.js';
import { DataPort } from '../group/data-port.js';
import { Faults } from '../group/faults.js';
import { openGroup } from '../group/group.js';
import type { RankGroup } from '../group/rank-group.js';
import { Silences } from '../group/silences.js';
import type { FromRankThread, JoinMessage, RankThreadRequest, ToRankThread } from './rank-thread-protocol.js';

/**
 * Between two ranks a ring takes two trips for the bytes of one, and its second cannot be made while the thread computes the
 * other part of a prompt.
 */
const ofTwoRanks: ReduceSpace = { topologies: ['mesh', 'star'], payloads: ['f32'] };

const untilAgreed = [{ mostBytes: Number.POSITIVE_INFINITY, topology: 'mesh', payload: 'f32' }] as const;

/** All ranks are told to join at about the same time. */
const openWithinMs = 15_000;

/**
 * Listens for lower ranks, says on the port where, and connects with all of them once it is told where they are. From then on
 * the port may end the group.
 * @param abort aborted when the port ends it.
 * @throws CutpointError CUT_BIND, CUT_RANK_MISSING, CUT_RANK_REFUSED, or what the port ended it with.
 */
export async function meetRanks(
  port: MessagePort,
  request: RankThreadRequest,
  abort: AbortController,
): Promise<RankGroup> {
  const { rank, ranks } = request.shard.manifest.slice;
  const { host, cluster, key, encrypts, spin } = request;
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
  const silences = new Silences(request.silences);
  silences.begin();
  const opened = await openGroup(dataPort, {
    rank,
    ranks,
    secret: { id: Buffer.from(cluster, 'hex'), key: Buffer.from(key, 'hex') },
    encrypts,
    addresses,
    rules: rules.length > 0 ? rules : untilAgreed,
    wait: spin ? 'spin' : 'sleep',
    silences,
    faults: new Faults(request.faults),
    openWithinMs,
    signal: abort.signal,
  });
  group = opened;
  if (rules.length === 0 && ranks > 1) {
    const agreed = await agreeRules(opened, sumBytes(request), ranks === 2 ? ofTwoRanks : undefined);
    if (agreed !== undefined) {
      port.postMessage({ kind: 'chosen', explanation: agreed.choice.explanation } satisfies FromRankThread);
    }
  }
  return opened;
}

/** Bytes of the sums that there are: of a token, and of half a chunk of a prompt. */
function sumBytes({ chunkTokens, shard }: RankThreadRequest): number[] {
  const tokenBytes = shard.manifest.config.hiddenSize * Float32Array.BYTES_PER_ELEMENT;
  return [tokenBytes, tokenBytes * Math.max(2, chunkTokens >> 1)];
}
