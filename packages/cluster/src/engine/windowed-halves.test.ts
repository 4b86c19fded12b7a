import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheKind, DecoderConfig } from '@cutpoint/llm';
import { randomContent } from '@cutpoint/llm';
import { describe, expect, it } from 'vitest';
import {
  randomNumbers,
  type TemporaryPackage,
  temporaryPackage,
} from '../../../llm/src/decode/random-package.testing.js';
import { smallConfig } from '../../../llm/src/package/small-decoder.testing.js';
import { memoryGroups } from '../group/memory-group.testing.js';
import type { RankGroup } from '../group/rank-group.js';
import { divide, sliceOf } from '../shard/division.js';
import { shardContent } from '../shard/shard-content.js';
import { writeShard } from '../shard/write-shard.js';
import type { Shard } from './half-sessions.js';
import { ShardEngine } from './shard-engine.js';

const layers = 6;
const wide: DecoderConfig = {
  ...smallConfig,
  layers,
  attention: Array.from({ length: layers }, () => ({ rope: 0, windowTokens: null })),
  hiddenSize: 128,
  headSize: 32,
  ffnSize: 384,
  vocabularySize: 100,
};

async function shardOf(made: TemporaryPackage): Promise<Shard> {
  const slice = sliceOf(wide, divide(wide, [1], 128), 0);
  const folder = join(made.folder, 'shard');
  const of = { name: 'wide', package: '0'.repeat(64), config: wide, slice };
  return { folder, manifest: await writeShard(folder, of, shardContent(made, slice)) };
}

function onlyGroup(): RankGroup {
  const [group] = memoryGroups(1);
  if (group === undefined) throw new Error('A group of one has a rank.');
  return group;
}

it('stops between two files of its copy when it is cancelled, which takes long at the first start', async () => {
  await using made = await temporaryPackage(randomContent('wide', wide, 4, 128));
  const shard = await shardOf(made);
  const abort = new AbortController();
  const opening = ShardEngine.open(shard, onlyGroup(), {
    threads: 1,
    cache: 'f32',
    windowBytes: windowBytes(shard, 0),
    signal: abort.signal,
  });
  const copied = async () =>
    (await readdir(shard.folder, { recursive: true })).filter((name) => /\/\d{3}\.bin$/.test(name));
  if (process.platform === 'linux') {
    await expect.poll(async () => (await copied()).length, { interval: 1, timeout: 10_000 }).toBeGreaterThan(0);
  }
  abort.abort();
  await expect(opening).rejects.toMatchObject({ code: 'CUT_CANCELLED' });
  expect((await copied()).length).toBeLessThan(2 * layers);
});

/** Logits of one rank that has all, token by token. */
async function logits(shard: Shard, cache: CacheKind, windowBytes?: number): Promise<number[]> {
  const random = randomNumbers(3);
  const options = { threads: 1, cache, ...(windowBytes === undefined ? {} : { windowBytes }) };
  const engine = await ShardEngine.open(shard, onlyGroup(), options);
  try {
    const past = engine.cache();
    const all: number[] = [];
    for (const tokens of [5, 1, 1, 1, 1, 1]) {
      const hidden = Float32Array.from({ length: tokens * wide.hiddenSize }, () => random() - 0.5);
      all.push(...(await engine.pass(past, hidden, [tokens - 1])));
    }
    return all;
  } finally {
    await engine.release();
  }
}

/** @param stay how many of its half layers, about, are to fit beside those that pass through. */
function windowBytes(shard: Shard, stay: number): number {
  const largest = Math.max(...shard.manifest.halves.map(({ bytes }) => bytes));
  return 4 * (largest + 600_000) + stay * 800_000;
}

describe('half layers in a window', () => {
  it.each([
    ['4 bits', 4, 'f32', 0],
    ['4 bits', 4, '8', 3],
    ['floats', 32, 'f16', 3],
  ] as const)(
    'give, bit for bit, what they give without: %s (%i), a cache in %s, about %i staying',
    async (_, bits, cache, stay) => {
      await using made = await temporaryPackage(randomContent('wide', wide, bits, 128));
      const shard = await shardOf(made);
      const should = await logits(shard, cache);
      expect(await logits(shard, cache, windowBytes(shard, stay))).toEqual(should);
    },
  );

  it('refuse a window of less than two half layers, and close the head', async () => {
    await using made = await temporaryPackage(randomContent('wide', wide, 4, 128));
    const shard = await shardOf(made);
    await expect(logits(shard, 'f32', 100_000)).rejects.toMatchObject({ code: 'CUT_WINDOW' });
  });

  it('name rank and file where a file is lost between two passes', async () => {
    await using made = await temporaryPackage(randomContent('wide', wide, 4, 128));
    const shard = await shardOf(made);
    const options = { threads: 1, cache: 'f32', windowBytes: windowBytes(shard, 0) } as const;
    const engine = await ShardEngine.open(shard, onlyGroup(), options);
    await rm(join(shard.folder, 'layers'), { recursive: true });
    const passes = async () => {
      for (let token = 0; token < 2; token++) await engine.pass(engine.cache(), new Float32Array(wide.hiddenSize), []);
    };
    await expect(passes()).rejects.toMatchObject({
      code: 'CUT_FILE_NOT_FOUND',
      message: expect.stringMatching(/^Rank 0, layer \d, .*layers\/00\d\.(attention|ffn)\.bin/),
    });
    await engine.release();
  });
});
