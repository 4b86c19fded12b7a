import { CutpointError } from '@cutpoint/core';
import type { LayerRange } from '@cutpoint/llm';
import {
  DecoderService,
  type ForwardMessage,
  type KvCache,
  type PassRunner,
  type RangeService,
} from '@cutpoint/llm/parts';
import type { RankGroup } from '../group/rank-group.js';
import { allFinite, checkedSum } from './checked-sum.js';
import { encodeMessage } from './cluster-message.js';
import { costLength, costNumbers, type RankCosts, rankCost } from './rank-costs.js';
import type { PassOptions, ShardEngine } from './shard-engine.js';

type Values = Float32Array<ArrayBuffer>;

/** Rank 0: serves a whole decoder to its own process, and has the other ranks do with their sequences what it does with its own. */
export class LeadService implements RangeService {
  readonly #engine: ShardEngine;
  readonly #group: RankGroup;
  readonly #inner: DecoderService;

  /** @param vocabulary tokens that each rank has logits of. */
  constructor(
    engine: ShardEngine,
    group: RankGroup,
    vocabulary: readonly number[],
    chunkTokens: number,
    costs: RankCosts,
  ) {
    this.#engine = engine;
    this.#group = group;
    this.#runner = new LeadRunner(engine, group, vocabulary, costs);
    this.#inner = new DecoderService(this.#runner, chunkTokens);
  }

  readonly #runner: LeadRunner;

  get cacheBytes(): number {
    return this.#inner.cacheBytes;
  }

  async forward(message: ForwardMessage, throwIfCancelled: () => void): Promise<Values> {
    this.#runner.sequence = message.sequence;
    return await this.#inner.forward(message, throwIfCancelled);
  }

  undo(id: number): void {
    this.#inner.undo(id);
  }

  /** The other ranks learn with the next pass how much of the sequence is left. */
  truncate(sequence: number, tokens: number): void {
    this.#inner.truncate(sequence, tokens);
  }

  clone(sequence: number, into: number, tokens: number): void {
    this.#group.broadcast(encodeMessage({ kind: 'clone', sequence, into, tokens }));
    this.#inner.clone(sequence, into, tokens);
  }

  drop(sequence: number): void {
    this.#group.broadcast(encodeMessage({ kind: 'drop', sequence }));
    this.#inner.drop(sequence);
  }

  async release(): Promise<void> {
    this.#group.broadcast(encodeMessage({ kind: 'end' }));
    await this.#engine.release();
    await this.#group[Symbol.asyncDispose]();
  }
}

/** One pass of all ranks. */
class LeadRunner implements PassRunner {
  readonly range: LayerRange;
  /** Whose pass it is. */
  sequence = 0;

  constructor(
    readonly engine: ShardEngine,
    readonly group: RankGroup,
    readonly vocabulary: readonly number[],
    readonly costs: RankCosts,
  ) {
    this.range = { from: 0, to: engine.config.layers, head: true };
  }

  get config() {
    return this.engine.config;
  }

  cache(): KvCache {
    return this.engine.cache();
  }

  async pass(cache: KvCache, hidden: Values, rows: readonly number[]): Promise<Values> {
    const held = cache.tokens;
    let isSound = true;
    const onStream = (part: Float32Array): void => {
      isSound &&= allFinite(part);
    };
    const logits = await this.#together(cache, hidden, rows, { onStream });
    if (isSound) return logits;
    cache.truncate(held);
    // Once more, slowly: whoever spoils a sum is named, and ends this.
    await this.#together(cache, hidden, rows, { sum: (values) => checkedSum(this.group, values) });
    cache.truncate(held);
    const message =
      'What the ranks added up was no finite number, but each part was when all was computed again: a network or a memory is damaged, or numbers are too large for how sums travel.';
    throw new CutpointError('CUT_RUN', message);
  }

  /** Has all ranks do the same. @returns all logits. */
  async #together(cache: KvCache, hidden: Values, rows: readonly number[], how: PassOptions): Promise<Values> {
    const [allRows, checks, held] = [rows.length > 1, how.sum !== undefined, cache.tokens];
    this.group.broadcast(encodeMessage({ kind: 'pass', sequence: this.sequence, held, allRows, checks, hidden }));
    const own = await this.engine.pass(cache, hidden, rows, how);
    const lengths = this.vocabulary.slice(1).map((tokens) => tokens * rows.length + costLength);
    const others = await this.group.collect(lengths);
    const cost = rankCost(this.engine.takeComputeMs(), this.group.takeCost());
    this.costs.add(0, costNumbers(cost, this.engine.windowReport()));
    for (const [i, values] of others.entries()) this.costs.add(i + 1, values.subarray(values.length - costLength));
    return joinLogits([own, ...others], this.vocabulary, rows.length);
  }

  async release(): Promise<void> {
    throw new CutpointError('CUT_INTERNAL', 'The ranks of a cluster are released by their service.');
  }
}

/** Rows of logits from each rank's part of them, in the order of ranks. */
function joinLogits(parts: readonly Values[], vocabulary: readonly number[], rows: number): Values {
  const width = vocabulary.reduce((sum, tokens) => sum + tokens, 0);
  const logits = new Float32Array(rows * width);
  let first = 0;
  for (const [rank, part] of parts.entries()) {
    const own = vocabulary[rank] ?? 0;
    for (let row = 0; row < rows; row++) {
      logits.set(part.subarray(row * own, (row + 1) * own), row * width + first);
    }
    first += own;
  }
  return logits;
}
