import { availableParallelism } from 'node:os';
import { CutpointError, throwIfCancelled } from '@cutpoint/core';
import { freeMemoryBytes } from '@cutpoint/llm/parts';
import { answerProbe, type IncomingRequest, probeMethod, type RequestHandler } from '@cutpoint/wire';
import type { Shard } from '../engine/half-sessions.js';
import { shardFormat, shardVersion } from '../shard/shard-manifest.js';
import { halfPath } from '../shard/write-shard.js';
import { FollowThread } from '../thread/follow-thread.js';
import { lacksWindowEnvironment } from '../window/window-environment.js';
import {
  bytesSchema,
  clusterMethods,
  joinSchema,
  offerSchema,
  openSchema,
  partSchema,
  type RankDescription,
  readMeta,
  sealSchema,
} from './cluster-protocol.js';
import type { GrowingShard } from './growing-shard.js';
import { peakRssBytes } from './peak-rss.js';
import { requireCores } from './require-cores.js';
import { requireMemoryForShard } from './require-memory.js';
import type { ShardStore } from './shard-store.js';

export interface RankHostOptions {
  readonly store: ShardStore;
  /** Where the computing thread listens for other ranks. */
  readonly host: string;
  /** Hears of what becomes of the clusters that it is in, for the log. */
  readonly onEvent?: (event: RankEvent) => void;
}

export type RankEvent =
  | { readonly kind: 'shard'; readonly shard: Shard; readonly arrived: boolean }
  | { readonly kind: 'joined'; readonly rank: number; readonly ranks: number }
  /** It has a window, and was started without the environment for it. */
  | { readonly kind: 'window-environment' }
  /** What passes through its window is opened each time, and why. */
  | { readonly kind: 'no-slots'; readonly why: string }
  | { readonly kind: 'left'; readonly reason: CutpointError | undefined };

/** What is kept for the rank 0 that is served, until its connection is closed. */
class Served {
  growing: GrowingShard | undefined;
  shard: Shard | undefined;
  thread: FollowThread | undefined;

  constructor(readonly remote: object) {}
}

/** A machine as a rank of a cluster: keeps shards, and computes with one of them for one rank 0 at a time. */
export class RankHost implements AsyncDisposable {
  readonly handler: RequestHandler = (request) => this.#answer(request);
  readonly #options: RankHostOptions;
  #served: Served | undefined;
  /** The last request of each connection that changes something. */
  readonly #turns = new WeakMap<object, Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(options: RankHostOptions) {
    this.#options = options;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    await this.#closing;
  }

  async #answer(request: IncomingRequest): ReturnType<RequestHandler> {
    const { method, meta, remote } = request;
    switch (method) {
      case clusterMethods.describe:
        return { meta: { ...(await this.#describe()) } };
      case clusterMethods.silences:
        return { meta: { silentMs: this.#mine(request).thread?.silentMs() ?? [] } };
      case clusterMethods.faults:
        return { meta: { faulty: this.#mine(request).thread?.faulty() ?? [] } };
      case probeMethod:
        return answerProbe({ meta });
      default:
        return await this.#inTurn(remote, () => this.#change(request));
    }
  }

  /** One after the other: what is kept for a rank 0 is changed by one of its requests at a time. */
  async #inTurn<T>(remote: object, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(remote) ?? Promise.resolve()).then(work);
    this.#turns.set(
      remote,
      turn.catch(() => undefined),
    );
    return await turn;
  }

  async #change(request: IncomingRequest): ReturnType<RequestHandler> {
    const { method, meta, signal } = request;
    throwIfCancelled(signal);
    switch (method) {
      case clusterMethods.offer:
        return { meta: await this.#offer(request) };
      case clusterMethods.part: {
        const growing = this.#growing(request);
        return { meta: { haveBytes: await growing.begin(readMeta(partSchema, meta, method)) } };
      }
      case clusterMethods.bytes:
        await this.#bytes(request);
        return {};
      case clusterMethods.seal:
        await this.#seal(request);
        return {};
      case clusterMethods.open:
        return { meta: { port: await this.#open(request) } };
      case clusterMethods.join:
        await this.#join(request);
        return {};
      default: {
        const known = [...Object.values(clusterMethods), probeMethod].join(', ');
        throw new CutpointError('CUT_USAGE', `A rank of a cluster has no method "${method}": it has ${known}.`);
      }
    }
  }

  async #describe(): Promise<RankDescription> {
    return {
      cores: availableParallelism(),
      freeMemoryBytes: await freeMemoryBytes(),
      busy: this.#served !== undefined,
      peakRssBytes: peakRssBytes(),
    };
  }

  async #offer({ meta, method, remote, closed, signal }: IncomingRequest): Promise<{ sealed: boolean }> {
    const { shard: identity, bytes, memoryBytes } = readMeta(offerSchema, meta, method);
    await this.#closing;
    if (this.#served !== undefined && this.#served.remote !== remote) {
      throw new CutpointError('CUT_OVERLOADED', 'This machine is a rank of another cluster already: end that first.');
    }
    const served = this.#served ?? new Served(remote);
    if (this.#served === undefined) {
      this.#served = served;
      void closed.then(() => this.#end(served));
    }
    await served.thread?.[Symbol.asyncDispose]();
    served.thread = undefined;
    await this.#letGo(served);
    await requireMemoryForShard(memoryBytes);
    served.shard = await this.#options.store.find(identity, signal);
    if (served.shard === undefined) served.growing = await this.#options.store.receive(identity, bytes);
    else this.#options.onEvent?.({ kind: 'shard', shard: served.shard, arrived: false });
    if (this.#served !== served) await this.#end(served);
    return { sealed: served.shard !== undefined };
  }

  async #bytes(request: IncomingRequest): Promise<void> {
    const { path, offset } = readMeta(bytesSchema, request.meta, request.method);
    const bytes = request.tensors.get('bytes');
    if (bytes === undefined || bytes.dtype !== 'u8') {
      throw new CutpointError('CUT_INPUT', `${request.method} brings bytes as the tensor 'bytes' of u8.`);
    }
    await this.#growing(request).write(path, offset, bytes.data as Uint8Array);
  }

  async #seal(request: IncomingRequest): Promise<void> {
    const { halves, head, name, config } = readMeta(sealSchema, request.meta, request.method);
    const paths = [...Array.from({ length: halves }, (_, half) => halfPath(half)), ...(head ? ['head.bin'] : [])];
    const served = this.#mine(request);
    const about = { format: shardFormat, version: shardVersion, name, config } as const;
    const shard = await this.#growing(request).seal(about, paths);
    served.shard = shard;
    served.growing = undefined;
    this.#options.onEvent?.({ kind: 'shard', shard, arrived: true });
  }

  async #open(request: IncomingRequest): Promise<number> {
    const served = this.#mine(request);
    const options = readMeta(openSchema, request.meta, request.method);
    const { shard } = served;
    requireCores(options.threads);
    if (shard === undefined) throw new CutpointError('CUT_INPUT', 'The shard is not complete yet: seal it first.');
    if (options.windowBytes !== undefined && lacksWindowEnvironment()) {
      this.#options.onEvent?.({ kind: 'window-environment' });
    }
    await served.thread?.[Symbol.asyncDispose]();
    const thread = await FollowThread.start(
      { ...options, shard, host: this.#options.host },
      { signal: request.signal, onNoSlots: (why) => this.#options.onEvent?.({ kind: 'no-slots', why }) },
    );
    served.thread = thread;
    if (this.#served !== served) await this.#end(served);
    void thread.ended.then((reason) => this.#options.onEvent?.({ kind: 'left', reason }));
    return thread.port;
  }

  async #join(request: IncomingRequest): Promise<void> {
    const { thread, shard } = this.#mine(request);
    const { addresses, rules } = readMeta(joinSchema, request.meta, request.method);
    if (thread === undefined || shard === undefined) throw new CutpointError('CUT_INPUT', 'Open the rank first.');
    const { rank, ranks } = shard.manifest.slice;
    if (addresses.length !== ranks) {
      throw new CutpointError('CUT_INPUT', `${addresses.length} addresses were given for ${ranks} ranks.`);
    }
    await thread.join(addresses, rules, request.signal);
    this.#options.onEvent?.({ kind: 'joined', rank, ranks });
  }

  #mine({ remote }: IncomingRequest): Served {
    if (this.#served?.remote === remote) return this.#served;
    throw new CutpointError('CUT_INPUT', 'Offer a shard first.');
  }

  #growing(request: IncomingRequest): GrowingShard {
    const { growing } = this.#mine(request);
    if (growing !== undefined) return growing;
    throw new CutpointError('CUT_INPUT', 'The shard is complete: nothing more of it is wanted.');
  }

  /** Frees what was kept for a rank 0; memory that its shard took is free once this resolves. */
  async #end(served: Served | undefined = this.#served): Promise<void> {
    if (served === undefined) return;
    if (this.#served === served) this.#served = undefined;
    this.#closing = this.#free(served);
    await this.#closing;
  }

  async #free(served: Served): Promise<void> {
    await served.thread?.[Symbol.asyncDispose]();
    await this.#letGo(served);
  }

  /** Of its shard, or what came of it. */
  async #letGo(served: Served): Promise<void> {
    const { shard, growing } = served;
    served.shard = undefined;
    served.growing = undefined;
    await growing?.[Symbol.asyncDispose]();
    if (shard !== undefined) await this.#options.store.letGo(shard);
  }
}
