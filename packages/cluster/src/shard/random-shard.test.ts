import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DecoderConfig, decoderOfShape } from '@cutpoint/llm';
import { expect, it } from 'vitest';
import { smallConfig } from '../../../llm/src/package/small-decoder.testing.js';
import { ShardEngine } from '../engine/shard-engine.js';
import { memoryGroups } from '../group/memory-group.testing.js';
import { writeRandomShard } from './random-shard.js';

const wide: DecoderConfig = { ...smallConfig, hiddenSize: 128, headSize: 32, ffnSize: 384, vocabularySize: 128 };

it.each([4, 16] as const)('gives ranks shards of %i bits that compute together', async (bits) => {
  const parent = await mkdtemp(join(tmpdir(), 'cutpoint-shard-'));
  try {
    const logits = await Promise.all(
      memoryGroups(2).map(async (group, rank) => {
        const folder = join(parent, String(rank));
        const request = { name: 'wide', config: wide, bits, block: 128, rank, ranks: 2, folder } as const;
        const manifest = await writeRandomShard(request);
        const engine = await ShardEngine.open({ folder, manifest }, group, { threads: 1, cache: 'f32' });
        try {
          const hidden = Float32Array.from({ length: 3 * wide.hiddenSize }, (_, i) => Math.sin(i));
          return await engine.pass(engine.cache(), hidden, [2]);
        } finally {
          await engine.release();
        }
      }),
    );
    expect(logits.map(({ length }) => length)).toEqual([64, 64]);
    for (const values of logits) expect(values.every(Number.isFinite)).toBe(true);
    expect(new Set(logits.flatMap((values) => [...values])).size).toBeGreaterThan(64);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});

it('refuses what the disk has no room for before it writes anything', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'cutpoint-shard-'));
  try {
    // A feed-forward a thousand times as wide: 100 TB.
    const shape = decoderOfShape('llama-2-70b');
    const config = { ...shape, ffnSize: 1000 * shape.ffnSize };
    const request = { name: 'large', config, bits: 16, block: 128, rank: 0, ranks: 1 } as const;
    await expect(writeRandomShard({ ...request, folder: join(parent, 'shard') })).rejects.toMatchObject({
      code: 'CUT_DISK_FULL',
      message: expect.stringMatching(/takes .* GB, but the disk .* has .* GB free/),
    });
    expect(await readdir(parent)).toEqual([]);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});
