import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { RangeService } from '@cutpoint/llm/parts';
import { serveDecoder } from '@cutpoint/llm/parts';
import { LeadService } from '../engine/lead-service.js';
import { RankCosts } from '../engine/rank-costs.js';
import { ShardEngine } from '../engine/shard-engine.js';
import { meetRanks } from './meet-ranks.js';
import type { FromRankThread, RankThreadRequest } from './rank-thread-protocol.js';

/** What rank 0's computing thread begins with. */
export interface LeadRequest extends RankThreadRequest {
  /** Tokens of the vocabulary that each rank has logits of. */
  readonly vocabulary: readonly number[];
  /** Where what the ranks spend is summed up. */
  readonly costs: SharedArrayBuffer;
  /** Speaks of the group. */
  readonly port: MessagePort;
}

async function openLead(request: LeadRequest): Promise<RangeService> {
  const { shard, vocabulary, costs, port, chunkTokens } = request;
  // The worker ends with its service, or where there is none.
  const abort = new AbortController();
  const group = await meetRanks(port, request, abort).finally(() => port.unref());
  try {
    const onNoSlots = (why: string) => port.postMessage({ kind: 'no-slots', why } satisfies FromRankThread);
    const engine = await ShardEngine.open(shard, group, { ...request, onNoSlots, signal: abort.signal });
    try {
      await group.collect(vocabulary.slice(1).map(() => 0));
    } catch (thrown) {
      await engine.release();
      throw thrown;
    }
    return new LeadService(engine, group, vocabulary, chunkTokens, new RankCosts(costs));
  } catch (thrown) {
    await group[Symbol.asyncDispose]();
    throw thrown;
  }
}

if (parentPort !== null) serveDecoder(parentPort, workerData, openLead);
