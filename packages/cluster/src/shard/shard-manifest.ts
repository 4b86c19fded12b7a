import { CutpointError } from '@cutpoint/core';
import type { DecoderConfig, LayerWeightName, PackagePart } from '@cutpoint/llm';
import { decoderConfigSchema, layerWeightNames, manifestLimits, partFault, partOf, sha256 } from '@cutpoint/llm/parts';
import { z } from 'zod';
import type { Slice } from './division.js';
import type { ShardHeadWeight } from './shard-content.js';
import { halfShapes, headShapes } from './shard-shapes.js';

/**
 * A *shard* is a folder with what one rank has of a package: `shard.json`, `layers/000.attention.bin`, `layers/000.ffn.bin` and
 * on, and `head.bin`. Weights lie in their files as those of a package do.
 */
export const shardFormat = 'cutpoint-llm-shard';
export const shardVersion = 1;
export const shardManifestName = 'shard.json';

export interface ShardManifest {
  readonly format: typeof shardFormat;
  readonly version: typeof shardVersion;
  /** The package's. */
  readonly name: string;
  /** SHA-256 of the package's manifest. */
  readonly package: string;
  /** Of the whole decoder. */
  readonly config: DecoderConfig;
  readonly slice: Slice;
  readonly halves: readonly PackagePart<LayerWeightName>[];
  /** Null at a rank without any of the vocabulary. */
  readonly head: PackagePart<ShardHeadWeight> | null;
}

const span = z.strictObject({
  from: z.int().min(0).max(manifestLimits.vocabulary),
  to: z.int().min(0).max(manifestLimits.vocabulary),
});

/** More ranks than this are no cluster of small machines. */
export const mostRanks = 32;

export const sliceSchema = z.strictObject({
  rank: z
    .int()
    .min(0)
    .max(mostRanks - 1),
  ranks: z.int().min(1).max(mostRanks),
  heads: span,
  kvHeads: span,
  ffnColumns: span,
  vocabulary: span,
});

const shardSchema = z.strictObject({
  format: z.literal(shardFormat),
  version: z.literal(shardVersion),
  name: z.string().min(1).max(256),
  package: sha256,
  config: decoderConfigSchema,
  slice: sliceSchema,
  halves: z.array(partOf(/^layers\/\d{3,4}\.(attention|ffn)\.bin$/, layerWeightNames)).max(2 * manifestLimits.layers),
  head: partOf(/^head\.bin$/, ['norm', 'matrix', 'postFfnNorm']).nullable(),
});

/**
 * Checks what a shard's manifest says, as `checkManifest` does for a package.
 * @param value the parsed JSON. @param source what to call it in messages.
 * @throws CutpointError CUT_PACKAGE
 */
export function checkShardManifest(value: unknown, source: string): ShardManifest {
  const { success, data, error } = shardSchema.safeParse(value);
  const issue = error?.issues[0];
  if (!success) throw damaged(source, `${issue?.path.join('.') || 'the manifest'}: ${issue?.message ?? 'not valid'}`);
  const manifest: ShardManifest = data as ShardManifest;
  const fault = faultOf(manifest);
  if (fault !== undefined) throw damaged(source, fault);
  return manifest;
}

function faultOf({ config, slice, halves, head }: ShardManifest): string | undefined {
  if (halves.length !== 2 * config.layers) return `${halves.length} of ${2 * config.layers} half layers are listed`;
  const spans = [
    [slice.heads, config.heads],
    [slice.kvHeads, config.kvHeads],
    [slice.ffnColumns, config.ffnSize],
    [slice.vocabulary, config.vocabularySize],
  ] as const;
  const wrong = spans.find(([{ from, to }, size]) => from > to || to > size);
  if (wrong !== undefined) return `it has ${wrong[0].from} to ${wrong[0].to} of ${wrong[1]}`;
  for (const [i, half] of halves.entries()) {
    const fault = partFault(half, halfShapes(config, slice, i));
    if (fault !== undefined) return `${half.path}: ${fault}`;
  }
  if (head === null) return slice.vocabulary.from === slice.vocabulary.to ? undefined : 'the head is missing';
  const fault = partFault(head, headShapes(config, slice));
  return fault && `${head.path}: ${fault}`;
}

function damaged(source: string, fault: string): CutpointError {
  return new CutpointError('CUT_PACKAGE', `${source} is not a shard of this version (${fault}): have it made again.`);
}
