import type { Model } from '@cutpoint/graph';
import type { CacheKind, Package } from '@cutpoint/llm';
import { attentionGraph, ffnGraph, type HalfPart, openGraph, shardHeadGraph } from '@cutpoint/llm/parts';
import type { InferenceSession } from 'onnxruntime-node';
import { headRunsOf } from '../shard/division.js';
import type { ShardManifest } from '../shard/shard-manifest.js';
import type { WindowReport } from '../window/window-report.js';

/** A shard on this machine. */
export interface Shard {
  readonly folder: Package['folder'];
  readonly manifest: ShardManifest;
}

export interface HalfOptions {
  /** Threads inside one operator. */
  readonly threads: number;
  readonly cache: CacheKind;
}

/**
 * Opens the session of a half layer; even ones are attention.
 * @param bytes of its file, if they are in memory. @throws CutpointError as `openGraph`
 */
export async function openHalf(
  shard: Shard,
  half: number,
  options: HalfOptions,
  bytes?: Uint8Array,
): Promise<InferenceSession> {
  const weights = bytes === undefined ? shard.folder : { location: partOf(shard, half).path, bytes };
  return await openGraph(halfGraph(shard, half, options), weights, { threads: options.threads, reorder: true });
}

/** The graph of a half layer. @param path of its weights; the shard's own unless given. */
export function halfGraph(
  shard: Shard,
  half: number,
  { cache }: Pick<HalfOptions, 'cache'>,
  path = partOf(shard, half).path,
): Model {
  const { config, slice } = shard.manifest;
  const part = { ...partOf(shard, half), path };
  const { from, to } = slice.ffnColumns;
  return half % 2 === 0
    ? attentionGraph({ config, layer: half / 2, cache, runs: headRunsOf(config, slice) }, part)
    : ffnGraph(config, to - from, part);
}

function partOf({ manifest }: Shard, half: number): HalfPart {
  const part = manifest.halves[half];
  if (part === undefined) throw new RangeError(`The shard has no half layer ${half}.`);
  return part;
}

/** Opens the session of a shard's head; undefined where it has none. @throws CutpointError as `openGraph` */
export async function openShardHead(
  { folder, manifest: { config, slice, head } }: Shard,
  { threads }: HalfOptions,
): Promise<InferenceSession | undefined> {
  if (head === null) return undefined;
  const { from, to } = slice.vocabulary;
  return await openGraph(shardHeadGraph(config, to - from, head), folder, { threads, reorder: true });
}

/** What a window does, and into how many sessions what passes is written (`HalfSlots`); 0: each is opened when its turn comes. */
export interface HalvesReport extends WindowReport {
  readonly slots: number;
}

/** A half layer that runs. */
export type HalfSession = Pick<InferenceSession, 'run' | 'release'>;

/** The sessions of a shard's half layers, as they are wanted: in order, over and over. */
export interface HalfSessions {
  /** The session of a half layer; it may be used until it is given back. */
  take(half: number): Promise<HalfSession>;
  giveBack(half: number): Promise<void>;
  /** Of a window; undefined where all stay. */
  report(): HalvesReport | undefined;
  release(): Promise<void>;
}

/** All of a shard's half layers, opened once and kept. @throws CutpointError as `openHalf` */
export async function openAllHalves(shard: Shard, options: HalfOptions): Promise<HalfSessions> {
  const sessions: InferenceSession[] = [];
  const release = async () => {
    for (const session of sessions) await session.release();
  };
  try {
    for (let half = 0; half < shard.manifest.halves.length; half++) {
      sessions.push(await openHalf(shard, half, options));
    }
  } catch (thrown) {
    await release();
    throw thrown;
  }
  return {
    async take(half) {
      const session = sessions[half];
      if (session === undefined) throw new RangeError(`The shard has no half layer ${half}.`);
      return session;
    },
    giveBack: async () => {},
    report: () => undefined,
    release,
  };
}
