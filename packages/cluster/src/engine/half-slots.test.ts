import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DecoderConfig } from '@cutpoint/llm';
import { randomContent } from '@cutpoint/llm';
import { describe, expect, it } from 'vitest';
import { temporaryPackage } from '../../../llm/src/decode/random-package.testing.js';
import { smallConfig } from '../../../llm/src/package/small-decoder.testing.js';
import { divide, sliceOf } from '../shard/division.js';
import { shardContent } from '../shard/shard-content.js';
import { writeShard } from '../shard/write-shard.js';
import { openHalf, type Shard } from './half-sessions.js';
import { HalfSlots } from './half-slots.js';
import { randomHalfFeeds } from './random-half-feeds.js';

const layers = 3;
const config: DecoderConfig = {
  ...smallConfig,
  layers,
  attention: Array.from({ length: layers }, () => ({ rope: 0, windowTokens: null })),
  // The runtime aligns what has a megabyte or more, and its kernels take nothing else from a file.
  hiddenSize: 1536,
  heads: 24,
  kvHeads: 4,
  headSize: 64,
  ffnSize: 2048,
  vocabularySize: 100,
};
const options = { threads: 1, cache: 'f16' } as const;

async function withShard(bits: 4 | 8 | 32, step: (shard: Shard) => Promise<void>): Promise<void> {
  await using made = await temporaryPackage(randomContent('wide', config, bits, 128));
  const slice = sliceOf(config, divide(config, [1], 128), 0);
  const folder = join(made.folder, 'shard');
  const of = { name: 'wide', package: '0'.repeat(64), config, slice };
  await step({ folder, manifest: await writeShard(folder, of, shardContent(made, slice)) });
}

async function openSlots(shard: Shard): Promise<HalfSlots> {
  const slots = await HalfSlots.open(shard, options);
  if (typeof slots === 'string') throw new Error(slots);
  return slots;
}

/** What a half layer gives, and what it gives in its slot. */
async function bothWays(shard: Shard, slots: HalfSlots, half: number) {
  const feeds = randomHalfFeeds(shard, half, options);
  const passing = slots.passing(half);
  if (passing === undefined) throw new Error(`Half layer ${half} has no slot.`);
  const own = await openHalf(shard, half, options);
  try {
    const inSlot = await passing.open(await readFile(passing.path));
    const given = await inSlot.run(feeds);
    await inSlot.release();
    const wanted = await own.run(feeds);
    return own.outputNames.map((name) => [given[name]?.data, wanted[name]?.data]);
  } finally {
    await own.release();
  }
}

async function reorderedFolder({ folder }: Shard): Promise<string> {
  const [name, ...others] = (await readdir(folder)).filter((each) => each.startsWith('reordered-'));
  if (name === undefined || others.length > 0) throw new Error('One folder of reordered weights is due.');
  return join(folder, name);
}

const leftovers = async () => (await readdir('/dev/shm')).filter((name) => name.startsWith(`cutpoint-${process.pid}-`));

describe.runIf(process.platform === 'linux')('slots of half layers', () => {
  it.each([4, 8, 32] as const)('compute in %i bits, in any order, what each half layer computes by itself', (bits) =>
    withShard(bits, async (shard) => {
      await using slots = await openSlots(shard);
      // The first takes no sum: no other has its shape.
      expect([slots.count, slots.passing(0)]).toEqual([2, undefined]);
      for (const half of [1, 2, 3, 4, 1, 5, 4, 2]) {
        for (const [given, wanted] of await bothWays(shard, slots, half)) expect(given).toEqual(wanted);
      }
      expect(await leftovers()).toEqual([]);
    }),
  );

  it('read what they need from files that are made once, and made again where one is not whole', () =>
    withShard(4, async (shard) => {
      await (await openSlots(shard))[Symbol.asyncDispose]();
      const folder = await reorderedFolder(shard);
      const [kept, cut] = [join(folder, '001.bin'), join(folder, '005.bin')];
      const whole = await readFile(cut);
      await truncate(cut, whole.length - 1);
      const marked = await readFile(kept);
      // The exponent of a weight of the norm.
      marked[43] = (marked[43] ?? 0) ^ 0x40;
      await writeFile(kept, marked);
      await mkdir(join(shard.folder, 'reordered-by-another-runtime'));
      // The first half layer of its shape is tried, and is not what it was.
      expect(await HalfSlots.open(shard, options)).toMatch(/^Half layer 1 computes otherwise/);
      // Not by toEqual, which takes a minute for so many bytes.
      expect([whole.equals(await readFile(cut)), marked.equals(await readFile(kept))]).toEqual([true, true]);
      expect(await reorderedFolder(shard)).toBe(folder);
      expect(await leftovers()).toEqual([]);
    }));

  it('say why there are none where the shard is not there', () =>
    withShard(4, async (shard) => {
      const place = join(shard.folder, 'nothing', 'here');
      expect(await HalfSlots.open({ ...shard, folder: place }, options)).toMatch(/\w+/);
      expect(existsSync(place)).toBe(false);
      expect(await leftovers()).toEqual([]);
    }));
});
