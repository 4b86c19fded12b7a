import { randomBytes } from 'node:crypto';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import { bareHost } from '@cutpoint/daemon';
import { Decoder, DecoderRange, openEmbedding } from '@cutpoint/llm';
import { type RankCost, RankCosts, type WindowCost } from '../engine/rank-costs.js';
import type { RankAddress } from '../group/data-port.js';
import { Faults } from '../group/faults.js';
import { Silences } from '../group/silences.js';
import type { LeadRequest } from '../thread/lead-worker.js';
import type { FromRankThread, ToRankThread } from '../thread/rank-thread-protocol.js';
import type { OpenRank } from './cluster-protocol.js';
import { blameFaulty } from './faulty-ranks.js';
import type { FormationOptions } from './formation-options.js';
import { giveShards } from './give-shards.js';
import { LinkWatch } from './link-watch.js';
import { blaming, cutOff, mostTelling } from './rank-losses.js';
import type { RemoteRank } from './remote-rank.js';

/** The built worker; `src/control` and `dist/control` lie equally deep, so this holds from both. */
const workerScript = new URL('../../dist/thread/lead-worker.js', import.meta.url);

/** Tokens of a prompt that run at once: two parts of this take turns, and each is as many as one process runs at once. */
export const usualChunkTokens = 256;

/** How long a pass under way may take when the cluster is closed. */
const graceMs = 500;

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
  readonly #faults: Faults;
  readonly #port: MessagePort;
  readonly #watch: LinkWatch;

  private constructor(
    decoder: Decoder,
    facts: FormationFacts,
    { costs, faults }: Pick<LeadRequest, 'costs' | 'faults'>,
    port: MessagePort,
    watch: LinkWatch,
  ) {
    this.decoder = decoder;
    this.facts = facts;
    this.#costs = new RankCosts(costs);
    this.#faults = new Faults(faults);
    this.#port = port;
    this.#watch = watch;
  }

  /**
   * Gives ranks their shards and brings them together.
   * @param others the ranks 1, 2, ...; they stay connected when the formation is disposed.
   * @throws CutpointError naming the rank that could not: CUT_RANK_MISSING, CUT_RANK_REFUSED, CUT_RANK_LOST, CUT_LOAD, ...
   */
  static async form(others: readonly RemoteRank[], options: FormationOptions): Promise<Formation> {
    const { made, rules = [], windowBytes = [], signal, division, onUnfit } = options;
    const { shard, sizes } = await giveShards(others, options);
    const opened = openOptions(others, options);
    const seenFrom = await openAll(others, opened, options);
    const embedding = await openEmbedding(made.folder, made.manifest);
    const { port1: port, port2 } = new MessageChannel();
    const ranks = others.length + 1;
    const request: LeadRequest = {
      ...opened,
      windowBytes: windowBytes[0],
      shard,
      host: '127.0.0.1',
      vocabulary: division.vocabulary,
      costs: RankCosts.memory(ranks),
      silences: Silences.memory(ranks),
      faults: Faults.memory(ranks),
      port: port2,
    };
    let silent: CutpointError | undefined;
    const watch = new LinkWatch(new Silences(request.silences), others, (link) => {
      // Rank 0 is needed.
      const rank = others[(link.silent === 0 ? link.waiting : link.silent) - 1];
      if (rank === undefined) return;
      silent = cutOff(rank, link);
      onUnfit?.(rank, silent);
      end(port, silent);
    });
    if (rules.length > 0) watch.phase = 'loading';
    let explanation: readonly string[] = [];
    port.on('message', (message: FromRankThread) => {
      if (message.kind === 'chosen') {
        watch.phase = 'loading';
        explanation = message.explanation;
      }
      if (message.kind === 'no-slots') options.onNoSlots?.(message.why);
    });
    port.postMessage({ kind: 'join', addresses: seenFrom[0] ?? [], rules } satisfies ToRankThread);
    const { config } = made.manifest;
    const range = { from: 0, to: config.layers, head: true };
    const started = DecoderRange.start(workerScript, request, { config, range, signal, transfer: [port2] });
    const stop = new AbortController();
    const joined = others.map((rank, i) =>
      blaming(i + 1, rank, onUnfit, () => rank.join(seenFrom[i + 1] ?? [], rules, stop.signal)),
    );
    try {
      await Promise.all([started, ...joined]);
    } catch (thrown) {
      watch[Symbol.dispose]();
      const failure = asCutpointError(thrown, 'CUT_INTERNAL');
      end(port, failure);
      // The others find out by themselves, and one of them may say what was wrong.
      const timer = setTimeout(() => stop.abort(), graceMs);
      const settled = await Promise.allSettled([started, ...joined]);
      clearTimeout(timer);
      if (settled[0].status === 'fulfilled') await settled[0].value.dispose();
      await blameFaulty(others, new Faults(request.faults).read(), failure, onUnfit);
      port.close();
      await embedding[Symbol.asyncDispose]();
      throw silent ?? mostTelling(settled) ?? thrown;
    }
    port.unref();
    watch.phase = 'running';
    const facts = { shardBytes: sizes, explanation };
    return new Formation(new Decoder(embedding, await started), facts, request, port, watch);
  }

  /** What each rank spent so far. */
  costs(): RankCost[] {
    return this.#costs.read();
  }

  /** What the window of each rank takes for a token; all 0 of one without. */
  windows(): WindowCost[] {
    return this.#costs.windows();
  }

  /** Ranks that sent this one what they must not. */
  faulty(): number[] {
    return this.#faults.read();
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

/** How all ranks are opened. */
function openOptions(others: readonly RemoteRank[], options: FormationOptions): Omit<OpenRank, 'windowBytes'> {
  const { threads, cache, chunkTokens, spin } = options;
  const secret = { cluster: randomBytes(16).toString('hex'), key: randomBytes(32).toString('hex') };
  return { threads, cache, chunkTokens, spin, encrypts: others.some(({ url }) => isEncrypted(url)), ...secret };
}

/** Has all ranks listen. @returns for each rank, the addresses of all as it sees them. */
async function openAll(
  others: readonly RemoteRank[],
  opened: Omit<OpenRank, 'windowBytes'>,
  { windowBytes = [], route, onUnfit }: FormationOptions,
): Promise<(RankAddress | null)[][]> {
  const listening = await Promise.all(
    others.map((rank, i) =>
      blaming(i + 1, rank, onUnfit, () => openRank(rank, { ...opened, ...windowOf(windowBytes[i + 1]) })),
    ),
  );
  const addresses = [null, ...listening];
  return await Promise.all(addresses.map((_, from) => routed(from, addresses, route)));
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

async function openRank(rank: RemoteRank, options: OpenRank): Promise<RankAddress> {
  return { host: bareHost(new URL(rank.url).hostname), port: await rank.open(options) };
}

/** The wire knows no undefined. */
function windowOf(windowBytes: number | undefined): { windowBytes?: number } {
  return windowBytes === undefined ? {} : { windowBytes };
}
