import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { asCutpointError } from '@cutpoint/core';
import { leaveNative } from '@cutpoint/runtime';
import { follow } from '../engine/follow.js';
import { nativeGate } from '../engine/native-work.js';
import { ShardEngine } from '../engine/shard-engine.js';
import { meetRanks } from './meet-ranks.js';
import type { FromRankThread, RankThreadRequest } from './rank-thread-protocol.js';

interface FollowData {
  readonly gate: Int32Array;
  readonly request: RankThreadRequest;
}

/** A rank other than 0: meets the others, loads its shard, and does what rank 0 says until that ends it. */
async function serveRank(port: MessagePort, { gate, request }: FollowData): Promise<void> {
  const post = (message: FromRankThread) => port.postMessage(message);
  leaveNative(gate);
  try {
    const abort = new AbortController();
    await using group = await meetRanks(port, request, abort);
    const onNoSlots = (why: string) => post({ kind: 'no-slots', why });
    const options = { ...request, native: nativeGate(gate), onNoSlots, signal: abort.signal };
    const engine = await ShardEngine.open(request.shard, group, options);
    try {
      // Rank 0 waits for this before its first pass.
      group.contribute(new Float32Array(0));
      post({ kind: 'ready' });
      await follow(engine, group, request.chunkTokens);
      post({ kind: 'ended' });
    } finally {
      await engine.release();
    }
  } catch (thrown) {
    const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
    post({ kind: 'failed', code, message });
  } finally {
    port.close();
  }
}

if (parentPort !== null) void serveRank(parentPort, workerData);
