import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CancelSignal, type CutpointError, tensorOf, throwIfCancelled } from '@cutpoint/core';
import type { PackageManifest, PackagePart, PartContent } from '@cutpoint/llm';
import { writePart } from '@cutpoint/llm/parts';
import { type ClientTls, connect, type Meta, type Peer, type Reply, type RequestOptions } from '@cutpoint/wire';
import type { z } from 'zod';
import type { RankAddress } from '../group/data-port.js';
import type { ReduceRule } from '../group/rank-group.js';
import type { ShardContent } from '../shard/shard-content.js';
import { halfPath, shardBytes } from '../shard/write-shard.js';
import {
  chunkBytes,
  clusterMethods,
  describedSchema,
  faultsSchema,
  type OpenRank,
  offeredSchema,
  openedSchema,
  partedSchema,
  type RankDescription,
  readMeta,
  type ShardIdentity,
  silencesSchema,
} from './cluster-protocol.js';

/** A machine that can be a rank, and how to reach it. */
export interface RankEndpoint {
  /** `tcp://host:port`, `tcps://`, ... */
  readonly url: string;
  readonly token?: string | undefined;
  readonly tls?: ClientTls | undefined;
}

const connectTimeoutMs = 5_000;
/** A rank that says nothing for so long, although it computes in a thread of its own, is lost. */
const silenceMs = 600;
const requestMs = 30_000;
/** Of a large shard from a slow card. */
const loadingMs = 600_000;

export interface GiveOptions {
  /** What the shard's weights take in memory at least: a rank that lacks them refuses before anything is sent. */
  readonly memoryBytes: number;
  readonly signal?: CancelSignal | undefined;
  /** Called with the bytes that are there since the last call. */
  readonly onBytes?: (bytes: number) => void;
}

/** Rank 0's end of the connection to another rank. */
export class RemoteRank implements AsyncDisposable {
  readonly #peer: Peer;

  private constructor(
    readonly url: string,
    peer: Peer,
  ) {
    this.#peer = peer;
  }

  /** @throws CutpointError as `connect` */
  static async connect({ url, token, tls }: RankEndpoint, signal?: AbortSignal): Promise<RemoteRank> {
    const peer = await connect({
      url,
      connectTimeoutMs,
      limits: { silenceMs },
      ...(token !== undefined && { token }),
      ...(tls !== undefined && { tls }),
      ...(signal !== undefined && { signal }),
    });
    return new RemoteRank(url, peer);
  }

  /** Settles when the connection is closed, with why unless it was this side. */
  get closed(): Promise<CutpointError | undefined> {
    return this.#peer.closed;
  }

  async describe(): Promise<RankDescription> {
    return await this.#ask(clusterMethods.describe, {}, describedSchema);
  }

  /**
   * Makes sure that it has its shard: what it lacks is cut out of the package and sent.
   * @throws CutpointError what the rank or the package's files throw
   */
  async giveShard(
    identity: ShardIdentity,
    { name, config }: Pick<PackageManifest, 'name' | 'config'>,
    content: ShardContent,
    { memoryBytes, signal, onBytes = () => {} }: GiveOptions,
  ): Promise<void> {
    const offer = { shard: identity, bytes: shardBytes(content), memoryBytes };
    // It may hash a large shard from a slow card.
    const { sealed } = await this.#ask(clusterMethods.offer, offer, offeredSchema, {
      deadlineMs: loadingMs,
      ...(signal && { signal }),
    });
    if (sealed) return;
    const folder = await mkdtemp(join(tmpdir(), 'cutpoint-shard-'));
    try {
      const parts: readonly (readonly [path: string, content: PartContent<string>])[] = [
        ...content.halves.map((half, i) => [halfPath(i), half] as const),
        ...(content.head === null ? [] : [['head.bin', content.head] as const]),
      ];
      for (const [path, part] of parts) {
        throwIfCancelled(signal);
        const file = join(folder, 'part.bin');
        await this.#givePart(file, await writePart(file, path, part, { signal }), { signal, onBytes });
        await rm(file);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    const seal = { name, config, halves: content.halves.length, head: content.head !== null };
    await this.#request(clusterMethods.seal, seal);
  }

  /** Starts its thread. @returns the port on which that listens for other ranks. */
  async open(options: OpenRank): Promise<number> {
    const { port } = await this.#ask(clusterMethods.open, options, openedSchema);
    return port;
  }

  /** Resolves once it is connected with all other ranks and has loaded its shard. */
  async join(
    addresses: readonly (RankAddress | null)[],
    rules: readonly ReduceRule[],
    signal: CancelSignal,
  ): Promise<void> {
    // JSON knows no infinity.
    const finite = rules.map((rule) => ({ ...rule, mostBytes: Math.min(rule.mostBytes, Number.MAX_SAFE_INTEGER) }));
    const deadline = { deadlineMs: loadingMs, signal };
    await this.#request(clusterMethods.join, { addresses: [...addresses], rules: finite }, deadline);
  }

  /** How long its thread has waited for each rank and heard nothing, in ms by rank. */
  async silentMs(): Promise<number[]> {
    return (await this.#ask(clusterMethods.silences, {}, silencesSchema)).silentMs;
  }

  /** Which ranks sent its thread what they must not, by rank. */
  async faulty(): Promise<number[]> {
    return (await this.#ask(clusterMethods.faults, {}, faultsSchema)).faulty;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer.close();
  }

  async #givePart(
    file: string,
    part: PackagePart<string>,
    { signal, onBytes }: Required<Pick<GiveOptions, 'onBytes'>> & Pick<GiveOptions, 'signal'>,
  ): Promise<void> {
    const { haveBytes } = await this.#ask(clusterMethods.part, part, partedSchema);
    onBytes(haveBytes);
    let offset = haveBytes;
    for await (const chunk of createReadStream(file, { start: haveBytes, highWaterMark: chunkBytes })) {
      throwIfCancelled(signal);
      const tensors = new Map([['bytes', tensorOf('u8', [chunk.length], Uint8Array.from(chunk))]]);
      await this.#peer.request(
        { method: clusterMethods.bytes, meta: { path: part.path, offset }, tensors },
        { deadlineMs: requestMs },
      );
      offset += chunk.length;
      onBytes(chunk.length);
    }
  }

  async #ask<T>(method: string, meta: object, schema: z.ZodType<T>, options?: RequestOptions): Promise<T> {
    const reply = await this.#request(method, meta, options);
    return readMeta(schema, reply.meta, `The answer to ${method}`);
  }

  async #request(method: string, meta: object, options: RequestOptions = { deadlineMs: requestMs }): Promise<Reply> {
    return await this.#peer.request({ method, meta: meta as Meta }, options);
  }
}
