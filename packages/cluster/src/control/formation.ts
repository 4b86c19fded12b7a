import { randomBytes } from 'node:crypto';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import { bareHost } from '@cutpoint/daemon';
import { type CacheKind, Decoder, DecoderRange, EmbeddingTable, type Package } from '@cutpoint/llm';
import type { Shard } from '../engine/half-sessions.js';
import { type RankCost, RankCosts, type WindowCost } from '../engine/rank-costs.js';
import type { RankAddress } from '../group/data-port.js';
import type { ReduceRule } from '../group/rank-group.js';
import { Silences } from '../group/silences.js';
import { type Division, sliceOf } from '../shard/division.js';
import { shardContent } from '../shard/shard-content.js';
import { shardBytes } from '../shard/write-shard.js';
import type { LeadRequest } from '../thread/lead-worker.js';
import type { FromRankThread, ToRankThread } from '../thread/rank-thread-protocol.js';
import type { ShardIdentity } from './cluster-protocol.js';
import { LinkWatch } from './link-watch.js';
import type { RemoteRank } from './remote-rank.js';
import { requireMemoryForShard } from './require-memory.js';
import type { ShardStore } from './shard-store.js';
import type { SilentLink } from './silent-link.js';

/** The built worker; `src/control` and `dist/control` lie equally deep, so this holds from both. */
const workerScript = new URL('../../dist/thread/lead-worker.js', import.meta.url);

/** Tokens of a prompt that run at once: two parts of this take turns, and each is as many as one process runs at once. */
export const usualChunkTokens = 256;

/** How long a pass under way may take when the cluster is closed. */
const graceMs = 500;

/** A package, and what tells it from others. */
export interface HashedPackage extends Package {
  /** SHA-256 of its manifest. */
  readonly hash: string;
}

export interface FormationOptions {
  readonly made: HashedPackage;
  readonly division: Division;
  readonly store: ShardStore;
  /** Of each rank, inside one operator. */
  readonly threads: number;
  readonly cache: CacheKind;
  readonly chunkTokens: number;
  /** Whether threads that wait for others keep their core. */
  readonly spin: boolean;
  /** How all-reduces are done. Default: as the ranks find best when they have measured their links. */
  readonly rules?: readonly ReduceRule[] | undefined;
  /** Where a rank reaches a higher one, if not where that listens: through a relay that emulates a link. */
  readonly route?: ((from: number, to: number, address: RankAddress) => Promise<RankAddress>) | undefined;
  /** What weights of half layers may take in memory, of each rank. Default: all stay. */
  readonly windowBytes?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called if a link between two ranks brings nothing any more, though both are there. */
  readonly onSilentLink?: ((link: SilentLink) => void) | undefined;
  /** Called if what passes through the window of rank 0 is opened each time, with why. */
  readonly onNoSlots?: ((why: string) => void) | undefined;
  /** Called with the bytes of shards that are in their place, and of all. */
  readonly onShards?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

/** What is known of ranks that are together. */
export interface FormationFacts {
  /** Weights of each rank. */
  readonly shardBytes: readonly number[];
  /** Where the ranks chose how all-reduces are done: why, a line for each size of sum. */
  readonly explanation: readonly string[];
}

/** Ranks that were brought together: they hold their shards, are connected, and compute until one of them is lost. */
export class Formation implements AsyncDisposable {
  readonly decoder: Decoder;
  readonly facts: FormationFacts;
  readonly #costs: RankCosts;
  readonly #port: MessagePort;
  readonly #watch: LinkWatch;

  private constructor(decoder: Decoder, facts: FormationFacts, costs: RankCosts, port: MessagePort, watch: LinkWatch) {
    this.decoder = decoder;
    this.facts = facts;
    this.#costs = costs;
    this.#port = port;
    this.#watch = watch;
  }

  /**
   * Gives ranks their shards and brings them together.
   * @param others the ranks 1, 2, ...; they stay connected when the formation is disposed.
   * @throws CutpointError naming the rank that could not: CUT_RANK_MISSING, CUT_RANK_REFUSED, CUT_DISK_FULL, CUT_LOAD, ...
   */
  static async form(others: readonly RemoteRank[], options: FormationOptions): Promise<Formation> {
    const { made, threads, cache, chunkTokens, spin, rules = [], windowBytes = [], signal, division } = options;
    const { shard, sizes } = await giveShards(others, options);
    const secret = { cluster: randomBytes(16).toString('hex'), key: randomBytes(32).toString('hex') };
    const encrypts = others.some(({ url }) => isEncrypted(url));
    const opened = { threads, cache, chunkTokens, spin, encrypts, ...secret };
    const listening: (RankAddress | null)[] = [
      null,
      ...(await Promise.all(
        others.map((rank, i) =>
          named(i + 1, rank, async () => await openRank(rank, { ...opened, ...windowOf(windowBytes[i + 1]) })),
        ),
      )),
    ];
    const seenFrom = await Promise.all(listening.map((_, from) => routed(from, listening, options.route)));
    const costs = RankCosts.memory(listening.length);
    const silences = Silences.memory(listening.length);
    const embedding = await EmbeddingTable.open(made.folder, made.manifest);
    const { port1: port, port2 } = new MessageChannel();
    const request: LeadRequest = {
      ...opened,
      windowBytes: windowBytes[0],
      shard,
      host: '127.0.0.1',
      vocabulary: division.vocabulary,
      costs,
      silences,
      port: port2,
    };
    const { config } = made.manifest;
    const range = { from: 0, to: config.layers, head: true };
    let explanation: readonly string[] = [];
    port.on('message', (message: FromRankThread) => {
      if (message.kind === 'chosen') explanation = message.explanation;
      if (message.kind === 'no-slots') options.onNoSlots?.(message.why);
    });
    port.postMessage({ kind: 'join', addresses: seenFrom[0] ?? [], rules } satisfies ToRankThread);
    const started = DecoderRange.start(workerScript, request, { config, range, signal, transfer: [port2] });
    const joined = Promise.all(
      others.map((rank, i) => named(i + 1, rank, async () => await rank.join(seenFrom[i + 1] ?? [], rules))),
    );
    // It may fail while the others are waited for.
    started.catch(() => undefined);
    try {
      await joined.catch((thrown: unknown) => {
        end(port, asCutpointError(thrown, 'CUT_INTERNAL'));
        throw thrown;
      });
      const layers = await started;
      port.unref();
      const facts = { shardBytes: sizes, explanation };
      const watch = new LinkWatch(new Silences(silences), others, (link) => options.onSilentLink?.(link));
      return new Formation(new Decoder(embedding, layers), facts, new RankCosts(costs), port, watch);
    } catch (thrown) {
      // Whichever failed first, the others find that out by themselves.
      await started.then((layers) => layers.dispose()).catch(() => undefined);
      await joined.catch(() => undefined);
      port.close();
      await embedding[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** What each rank spent so far. */
  costs(): RankCost[] {
    return this.#costs.read();
  }

  /** What the window of each rank takes for a token; all 0 of one without. */
  windows(): WindowCost[] {
    return this.#costs.windows();
  }

  /** Has whatever waits for other ranks fail with the error. */
  end(error: CutpointError): void {
    end(this.#port, error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch[Symbol.dispose]();
    const disposing = this.decoder[Symbol.asyncDispose]();
    // A pass that waits for a rank which does not answer ends with the group.
    const timer = setTimeout(() => this.end(new CutpointError('CUT_DISPOSED', 'The cluster was closed.')), graceMs);
    await disposing;
    clearTimeout(timer);
    this.#port.close();
  }
}

/** A rank whose control address is encrypted is one that must not be read on its way. */
function isEncrypted(url: string): boolean {
  return ['tcps:', 'wss:'].includes(new URL(url).protocol);
}

/** The addresses of all ranks as one of them sees them. */
async function routed(
  from: number,
  addresses: readonly (RankAddress | null)[],
  route: FormationOptions['route'],
): Promise<(RankAddress | null)[]> {
  return await Promise.all(
    addresses.map(async (address, to) =>
      route === undefined || address === null || to <= from ? address : await route(from, to, address),
    ),
  );
}

function end(port: MessagePort, { code, message }: CutpointError): void {
  port.postMessage({ kind: 'end', code, message } satisfies ToRankThread);
}

async function openRank(rank: RemoteRank, options: Parameters<RemoteRank['open']>[0]): Promise<RankAddress> {
  return { host: bareHost(new URL(rank.url).hostname), port: await rank.open(options) };
}

async function giveShards(
  others: readonly RemoteRank[],
  { made, division, store, windowBytes, signal, onShards }: FormationOptions,
): Promise<{ shard: Shard; sizes: number[] }> {
  const { manifest, hash } = made;
  const slices = division.heads.map((_, rank) => sliceOf(manifest.config, division, rank));
  const contents = slices.map((slice) => shardContent(made, slice));
  const sizes = contents.map(shardBytes);
  const memoryBytes = sizes.map((bytes, rank) => Math.min(bytes, windowBytes?.[rank] ?? bytes));
  const totalBytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
  let doneBytes = 0;
  const onBytes = (bytes: number) => {
    doneBytes += bytes;
    onShards?.(doneBytes, totalBytes);
  };
  const give = async (rank: RemoteRank, i: number) => {
    const [slice, content] = [slices[i + 1], contents[i + 1]];
    if (slice === undefined || content === undefined) throw new RangeError(`There is no rank ${i + 1}.`);
    const how = { memoryBytes: memoryBytes[i + 1] ?? 0, signal, onBytes };
    await named(i + 1, rank, () => rank.giveShard({ package: hash, slice }, manifest, content, how));
  };
  const own = async (): Promise<Shard> => {
    const [slice, content] = [slices[0], contents[0]];
    if (slice === undefined || content === undefined) throw new RangeError('There is no rank 0.');
    await requireMemoryForShard(memoryBytes[0] ?? 0);
    const identity: ShardIdentity = { package: hash, slice };
    const found = await store.find(identity, signal);
    if (found !== undefined) return found;
    return await store.make({ ...identity, name: manifest.name, config: manifest.config }, content, {
      signal,
      onBytes,
    });
  };
  const [shard] = await Promise.all([own(), ...others.map(give)]);
  return { shard, sizes };
}

/** The wire knows no undefined. */
function windowOf(windowBytes: number | undefined): { windowBytes?: number } {
  return windowBytes === undefined ? {} : { windowBytes };
}

/** Says which rank it is about. */
async function named<T>(rank: number, { url }: RemoteRank, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
    throw new CutpointError(code, `Rank ${rank} at ${url}: ${message}`, { cause: thrown });
  }
}
