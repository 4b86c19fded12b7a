import { median } from '@cutpoint/core';
import type { GroupMeasures, PairMeasure } from './choose/measures.js';
import { partnerOf } from './choose/tournament.js';
import type { SocketGroup } from './group.js';
import type { Pair } from './rank-link.js';

/** What a measurement of one pair may take, about; a message under way is waited for. */
const pingsMs = 40;
const mostPings = 20;
const leastPings = 3;
const bulkMs = 50;
const firstBulkBytes = 64 * 1024;
const lastBulkBytes = 1024 * 1024;

/**
 * Measures round trips and rates between all pairs of ranks over their open links. All ranks call this at the same time;
 * pairs that share no rank measure at once. Takes about 0.1 s and ten round trips for each other rank.
 * @returns all measures at rank 0, undefined at the others. @throws CutpointError CUT_RANK_LOST
 */
export async function probeLinks(group: SocketGroup): Promise<GroupMeasures | undefined> {
  const { rank, ranks } = group;
  const own = new Float32Array(2 * ranks);
  const pairWith = group.beginProbe();
  for (let round = 0; round < ranks; round++) {
    const partner = partnerOf(rank, round, ranks);
    if (partner === undefined) continue;
    if (rank > partner) await answer(group, partner, pairWith(partner));
    else {
      const { roundTripMs, bytesPerMs } = await measure(pairWith(partner));
      own.set([roundTripMs, bytesPerMs], 2 * partner);
    }
  }
  if (rank > 0) {
    group.contribute(own);
    return undefined;
  }
  const others = await group.collect(new Array<number>(ranks - 1).fill(2 * ranks));
  for (const [i, numbers] of others.entries()) {
    if (!isMeasured(numbers, i + 1)) throw group.giveUp(i + 1, 'what it measured cannot be');
  }
  return { ranks, pairs: [own, ...others].map(pairsIn) };
}

/** Of the ranks above its own, with which it measures. */
function isMeasured(numbers: Float32Array, rank: number): boolean {
  return numbers.subarray(2 * (rank + 1)).every((number) => Number.isFinite(number) && number > 0);
}

function pairsIn(numbers: Float32Array): PairMeasure[] {
  return Array.from({ length: numbers.length / 2 }, (_, peer) => ({
    roundTripMs: numbers[2 * peer] ?? 0,
    bytesPerMs: numbers[2 * peer + 1] ?? 0,
  }));
}

async function measure(pair: Pair): Promise<PairMeasure> {
  const pings: number[] = [];
  const began = performance.now();
  while (pings.length < mostPings && (pings.length < leastPings || performance.now() - began < pingsMs)) {
    pings.push(await echoed(pair, new Uint8Array(4)));
  }
  const roundTripMs = median(pings);
  // The connection first learns how much the way holds.
  let bytesPerMs = 0;
  for (let bytes = firstBulkBytes; bytes <= lastBulkBytes; bytes *= 2) {
    const tookMs = await echoed(pair, new Uint8Array(bytes));
    bytesPerMs = Math.max(bytesPerMs, (2 * bytes) / Math.max(tookMs - roundTripMs, 1e-3));
    if (tookMs > bulkMs) break;
  }
  announce(pair, 0);
  return { roundTripMs, bytesPerMs };
}

/** Milliseconds until so many bytes are back. */
async function echoed(pair: Pair, bytes: Uint8Array): Promise<number> {
  const from = performance.now();
  announce(pair, bytes.length);
  pair.send(bytes);
  await pair.receive(bytes.length);
  return performance.now() - from;
}

async function answer(group: SocketGroup, partner: number, pair: Pair): Promise<void> {
  for (;;) {
    const [bytes = 0] = new Uint32Array((await pair.receive(4)).slice().buffer);
    if (bytes === 0) return;
    if (bytes > lastBulkBytes) throw group.giveUp(partner, `it announced ${bytes} bytes to measure the link with`);
    pair.send(await pair.receive(bytes));
  }
}

function announce(pair: Pair, bytes: number): void {
  pair.send(new Uint8Array(Uint32Array.of(bytes).buffer));
}
