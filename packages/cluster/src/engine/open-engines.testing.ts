import { join } from 'node:path';
import type { CacheKind } from '@cutpoint/llm';
import type { TemporaryPackage } from '../../../llm/src/decode/random-package.testing.js';
import type { RankGroup } from '../group/rank-group.js';
import { type Division, sliceOf } from '../shard/division.js';
import { shardContent } from '../shard/shard-content.js';
import { writeShard } from '../shard/write-shard.js';
import { ShardEngine } from './shard-engine.js';

/** The ranks of a division in this thread, each with its shard beside the package. */
export async function openEngines(
  made: TemporaryPackage,
  division: Division,
  groups: readonly RankGroup[],
  cache: CacheKind,
): Promise<ShardEngine[]> {
  const { config, name } = made.manifest;
  return await Promise.all(
    groups.map(async (group, rank) => {
      const slice = sliceOf(config, division, rank);
      const folder = join(made.folder, `shard-${rank}`);
      const of = { name, package: '0'.repeat(64), config, slice };
      const manifest = await writeShard(folder, of, shardContent(made, slice));
      return await ShardEngine.open({ folder, manifest }, group, { threads: 1, cache });
    }),
  );
}
