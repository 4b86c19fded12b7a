import { randomContent } from '@cutpoint/llm';
import { expect, it } from 'vitest';
import { temporaryPackage } from '../../../llm/src/decode/random-package.testing.js';
import { smallConfig } from '../../../llm/src/package/small-decoder.testing.js';
import type { RankGroup } from '../group/rank-group.js';
import { always, sharedOptions, withGroups } from '../group/socket-groups.testing.js';
import { divide } from '../shard/division.js';
import { follow } from './follow.js';
import { LeadService } from './lead-service.js';
import { openEngines } from './open-engines.testing.js';
import { RankCosts } from './rank-costs.js';

const config = { ...smallConfig, hiddenSize: 128, headSize: 32, ffnSize: 384, vocabularySize: 256 };
const chunkTokens = 16;

/** A prompt of five tokens, while what some ranks add to each sum begins with a number of their own. */
async function passOf(own: ReadonlyMap<number, number>): Promise<Float32Array> {
  await using made = await temporaryPackage(randomContent('wide', config, 4, 128));
  const division = divide(config, [1, 1, 1], 128);
  return await withGroups(sharedOptions(3, always('ring')), async (groups) => {
    for (const [rank, value] of own) spoil(groups[rank], value);
    const engines = await openEngines(made, division, groups, 'f32');
    const following = groups.slice(1).map(async (group, i) => {
      const engine = engines[i + 1];
      if (engine !== undefined) await follow(engine, group, chunkTokens);
    });
    const [group, engine] = [groups[0], engines[0]];
    if (group === undefined || engine === undefined) throw new Error('A rank is missing.');
    const service = new LeadService(
      engine,
      group,
      division.vocabulary,
      chunkTokens,
      new RankCosts(RankCosts.memory(3)),
    );
    try {
      const hidden = new Float32Array(5 * config.hiddenSize).fill(0.5);
      return await service.forward({ kind: 'forward', id: 1, sequence: 1, hidden, logits: 1 }, () => {});
    } finally {
      await service.release();
      await Promise.allSettled(following);
      for (const other of engines.slice(1)) await other.release();
    }
  });
}

function spoil(group: RankGroup | undefined, value: number): void {
  if (group === undefined) return;
  const [allReduce, contribute] = [group.allReduce.bind(group), group.contribute.bind(group)];
  group.allReduce = (values, part) => allReduce(values.fill(value, 0, 1), part);
  group.contribute = (values) => contribute(values.fill(value, 0, 1));
}

it('gives logits of all ranks where all that is added up is finite', async () => {
  const logits = await passOf(new Map());
  expect(logits.length).toBe(config.vocabularySize);
  expect(logits.every(Number.isFinite)).toBe(true);
});

it.each([
  [1, Number.NaN],
  [2, Number.POSITIVE_INFINITY],
])('names rank %i, which adds %f to a sum', async (rank, value) => {
  await expect(passOf(new Map([[rank, value]]))).rejects.toMatchObject({
    code: 'CUT_RANK_LOST',
    message: `Rank ${rank} is lost: what it adds to a sum is no finite number.`,
  });
});
