import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { chooseReduce, type ReduceChoice, type ReduceSpace } from './choose/choose-reduce.js';
import type { GroupMeasures } from './choose/measures.js';
import type { SocketGroup } from './group.js';
import { probeLinks } from './probe-links.js';
import { payloads, type ReduceRule, topologies } from './rank-group.js';

const mostRulesBytes = 64 * 1024;
const rulesSchema = z
  .array(
    z.strictObject({
      // The last has no bound, for which JSON has no number.
      mostBytes: z.number().positive().nullable(),
      topology: z.enum(topologies),
      payload: z.enum(payloads),
    }),
  )
  .min(1)
  .max(64);

/** Each pair takes about 0.1 s, and seconds over the slowest links that are worth using. */
const measureMs = 20_000;
const measureMsOfEach = 2_000;

/**
 * Measures the links, chooses at rank 0 how sums of these sizes are done, and has all ranks do so from the next on. All
 * ranks call this at the same time. The group ends where that takes too long.
 * @param withinMs default: longer with more ranks.
 * @returns at rank 0 what was measured and chosen. @throws CutpointError CUT_RANK_LOST naming a rank that was waited for
 */
export async function agreeRules(
  group: SocketGroup,
  sizes: readonly number[],
  space?: ReduceSpace,
  withinMs = measureMs + measureMsOfEach * group.ranks,
): Promise<{ readonly measures: GroupMeasures; readonly choice: ReduceChoice } | undefined> {
  const timer = setTimeout(() => {
    const [rank = 0] = group.awaited();
    group.giveUp(rank, `ranks had ${withinMs} ms to measure their links, and it still was waited for`);
  }, withinMs);
  try {
    return await measureAndChoose(group, sizes, space);
  } finally {
    clearTimeout(timer);
  }
}

async function measureAndChoose(
  group: SocketGroup,
  sizes: readonly number[],
  space: ReduceSpace | undefined,
): ReturnType<typeof agreeRules> {
  const measures = await probeLinks(group);
  if (measures === undefined) {
    group.useRules(parseRules(await group.nextBroadcast(mostRulesBytes)));
    return undefined;
  }
  const choice = chooseReduce(measures, sizes, space);
  group.broadcast(printRules(choice.rules));
  group.useRules(choice.rules);
  return { measures, choice };
}

function printRules(rules: readonly ReduceRule[]): Uint8Array {
  const plain = rules.map((rule) => ({ ...rule, mostBytes: Number.isFinite(rule.mostBytes) ? rule.mostBytes : null }));
  return new TextEncoder().encode(JSON.stringify(plain));
}

function parseRules(bytes: Uint8Array): ReduceRule[] {
  try {
    const rules = rulesSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    return rules.map(({ mostBytes, ...rule }) => ({ ...rule, mostBytes: mostBytes ?? Number.POSITIVE_INFINITY }));
  } catch (thrown) {
    throw new CutpointError('CUT_RANK_LOST', 'Rank 0 is lost: what it sent are not rules for all-reduces.', {
      cause: thrown,
    });
  }
}
