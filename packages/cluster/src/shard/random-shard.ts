import { createHash } from 'node:crypto';
import {
  type BlockSize,
  type DecoderConfig,
  type PartContent,
  randomPart,
  type WeightBits,
  type WriteOptions,
} from '@cutpoint/llm';
import { divide, type Slice, sliceOf } from './division.js';
import { floatUnit } from './ffn-unit.js';
import type { ShardContent } from './shard-content.js';
import type { ShardManifest } from './shard-manifest.js';
import { halfShapes, headShapes } from './shard-shapes.js';
import { shardBytes, writeShard } from './write-shard.js';

export interface RandomShardRequest {
  readonly name: string;
  readonly config: DecoderConfig;
  readonly bits: WeightBits;
  readonly block: BlockSize;
  /** From 0. */
  readonly rank: number;
  /** All with equal shares. */
  readonly ranks: number;
  /** Where the shard shall be; nothing may be there yet. */
  readonly folder: string;
  readonly signal?: WriteOptions['signal'];
  /** How much of the weights is written. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

/**
 * Writes one rank's shard of random weights, for measurements of speed and memory: no other rank's is made, nor a package. Its
 * weights are not those that `synthesisePackage` makes for the whole.
 * @throws CutpointError CUT_DISK_FULL before anything is written, CUT_USAGE as `divide`, CUT_FILE_WRITE, CUT_CANCELLED
 */
export async function writeRandomShard(request: RandomShardRequest): Promise<ShardManifest> {
  const { name, config, bits, block, rank, ranks, folder, signal, onProgress } = request;
  const ffnUnit = bits === 16 || bits === 32 ? floatUnit : block;
  const division = divide(
    config,
    Array.from({ length: ranks }, () => 1),
    ffnUnit,
  );
  const slice = sliceOf(config, division, rank);
  const content = randomShardContent(config, slice, bits, block);
  const totalBytes = shardBytes(content);
  let doneBytes = 0;
  const onBytes = (bytes: number) => {
    doneBytes += bytes;
    onProgress?.(doneBytes, totalBytes);
  };
  // There is no package: what tells it from others is what it is made of.
  const made = createHash('sha256').update(JSON.stringify([name, config, bits, block]));
  return await writeShard(folder, { name, package: made.digest('hex'), config, slice }, content, { signal, onBytes });
}

function randomShardContent(config: DecoderConfig, slice: Slice, bits: WeightBits, block: BlockSize): ShardContent {
  const { from, to } = slice.vocabulary;
  const seedOf = (half: number) => 1000 * half + slice.rank;
  const halves = Array.from({ length: 2 * config.layers }, (_, half) =>
    randomPart(halfShapes(config, slice, half), bits, block, seedOf(half)),
  );
  if (from === to) return { halves, head: null };
  const headBits = bits === 2 ? 4 : bits;
  const head: PartContent<'norm' | 'matrix' | 'postFfnNorm'> = randomPart(
    headShapes(config, slice),
    headBits,
    block,
    seedOf(halves.length),
  );
  return { halves, head };
}
