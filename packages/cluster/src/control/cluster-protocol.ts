import { CutpointError } from '@cutpoint/core';
import { decoderConfigSchema, layerWeightNames, manifestLimits, partOf, sha256 } from '@cutpoint/llm/parts';
import { z } from 'zod';
import type { RankAddress } from '../group/data-port.js';
import { payloads, topologies } from '../group/rank-group.js';
import { mostRanks, sliceSchema } from '../shard/shard-manifest.js';

/**
 * The methods that a rank has on the wire, for rank 0. One rank 0 at a time is served; what it opened is closed with its
 * connection.
 *
 * - `describe` says what the machine has, and whose cluster it is in.
 * - `offer` names the shard that the rank shall have; the answer says whether it is there already.
 * - `part` announces a file of the shard and says how much of it is there; `bytes` brings the rest, a chunk at a time.
 * - `seal` says what the shard is, once all its files are there.
 * - `open` starts the thread that computes: it listens for the ranks above it.
 * - `join` has it connect with all other ranks and load its shard.
 * - `silences` says how long it has waited for each other rank and heard nothing.
 * - `faults` says which ranks sent it what they must not.
 */
export const clusterMethods = {
  describe: 'cluster.describe',
  offer: 'cluster.offer',
  part: 'cluster.part',
  bytes: 'cluster.bytes',
  seal: 'cluster.seal',
  open: 'cluster.open',
  join: 'cluster.join',
  silences: 'cluster.silences',
  faults: 'cluster.faults',
} as const;

/** Bytes of a chunk of a file. */
export const chunkBytes = 4 << 20;

/** Whose shard, of what: the same shard of the same package has the same identity. */
export const shardIdentitySchema = z.strictObject({ package: sha256, slice: sliceSchema });
export type ShardIdentity = z.output<typeof shardIdentitySchema>;

export const offerSchema = z.strictObject({
  shard: shardIdentitySchema,
  bytes: z.int().min(0),
  /** What its weights take in memory at least. */
  memoryBytes: z.number().min(0),
});

export const partSchema = z.union([
  partOf(/^layers\/\d{3,4}\.(attention|ffn)\.bin$/, layerWeightNames),
  partOf(/^head\.bin$/, ['norm', 'matrix', 'postFfnNorm']),
]);

export const bytesSchema = z.strictObject({ path: z.string().max(64), offset: z.int().min(0) });

export const sealSchema = z.strictObject({
  name: z.string().min(1).max(256),
  config: decoderConfigSchema,
  halves: z
    .int()
    .min(2)
    .max(2 * manifestLimits.layers),
  head: z.boolean(),
});

export const ruleSchema = z.strictObject({
  mostBytes: z.number().min(0),
  topology: z.enum(topologies),
  payload: z.enum(payloads),
});

export const openSchema = z.strictObject({
  threads: z.int().min(1).max(1024),
  cache: z.enum(['f32', 'f16', '8']),
  chunkTokens: z.int().min(1).max(65_536),
  spin: z.boolean(),
  /** What weights of half layers may take in memory; not given: all stay. */
  windowBytes: z.int().min(1).optional(),
  /** Of this cluster alone, by chance; hexadecimal. */
  cluster: z.string().regex(/^[0-9a-f]{32}$/),
  /** Who knows it may take part; hexadecimal. */
  key: z.string().regex(/^[0-9a-f]{64}$/),
  /** Whether ranks encrypt what they say to one another. */
  encrypts: z.boolean(),
});
export type OpenRank = z.output<typeof openSchema>;

const rankAddress: z.ZodType<RankAddress> = z.strictObject({
  host: z.string().min(1).max(255),
  port: z.int().min(1).max(65_535),
});
export const openedSchema = z.object({ port: z.int().min(1).max(65_535) });

export const joinSchema = z.strictObject({
  /** Where the ranks listen, in their order. */
  addresses: z.array(rankAddress.nullable()).min(2).max(mostRanks),
  /** How all-reduces are done; none: as the ranks find best when they have measured their links. */
  rules: z.array(ruleSchema).max(16),
});

export const describedSchema = z.object({
  cores: z.int().min(1),
  freeMemoryBytes: z.number().min(0),
  busy: z.boolean(),
  /** The most that its process ever held. */
  peakRssBytes: z.number().min(0),
});
export type RankDescription = z.output<typeof describedSchema>;

export const silencesSchema = z.object({ silentMs: z.array(z.number().min(0)).max(mostRanks) });
export const faultsSchema = z.object({
  faulty: z
    .array(
      z
        .int()
        .min(0)
        .max(mostRanks - 1),
    )
    .max(mostRanks),
});
export const offeredSchema = z.object({ sealed: z.boolean() });
export const partedSchema = z.object({ haveBytes: z.int().min(0) });

/** @throws CutpointError CUT_INPUT */
export function readMeta<T>(schema: z.ZodType<T>, meta: unknown, method: string): T {
  const { success, data, error } = schema.safeParse(meta);
  if (success) return data;
  const [issue] = error.issues;
  const place = issue?.path.join('.') || 'its data';
  throw new CutpointError('CUT_INPUT', `${method} cannot be read: ${place}: ${issue?.message ?? 'not valid'}.`);
}
