import { asCutpointError, type CutpointError } from '@cutpoint/core';
import type { Decoder, DecoderConfig, NextTokens, Step, TokenDecoder } from '@cutpoint/llm';
import { blameFaulty } from './faulty-ranks.js';
import type { FormationFacts } from './formation.js';
import type { FormationOptions } from './formation-options.js';
import { close, decoderOf, type Formed, openAlone, openRanks } from './formed.js';
import { type Loss, type MemberEvent, Members } from './members.js';
import { peakRssBytes } from './peak-rss.js';
import { besides, isLoss } from './rank-losses.js';
import { noCost, type RankReading, type RankReport, spent, windowOf } from './rank-report.js';
import type { RankEndpoint, RemoteRank } from './remote-rank.js';
import { type Member, seatsOf } from './seats.js';

export interface ClusterOptions extends Omit<FormationOptions, 'division' | 'onUnfit' | 'onNoSlots'> {
  /** The ranks 1, 2, ...; this process is rank 0. */
  readonly others: readonly RankEndpoint[];
  /** What each rank can do, in any unit, rank 0 first. Default: equal. */
  readonly shares?: readonly number[] | undefined;
  /** What weights of half layers may take in memory: one number for all ranks, or one for each, rank 0 first. Default: all stay. */
  readonly windowBytes?: readonly number[] | undefined;
  /** Hears what becomes of the cluster, for people. */
  readonly onEvent?: ((event: ClusterEvent) => void) | undefined;
}

export type ClusterEvent =
  | { readonly kind: 'formed'; readonly ranks: readonly string[]; readonly facts: FormationFacts }
  | MemberEvent
  /** A shard of this machine is not what it should be, and was removed. */
  | { readonly kind: 'damaged-shard'; readonly what: string }
  /** What passes through the window of this machine is opened each time. */
  | { readonly kind: 'no-slots'; readonly why: string };

/** How often ranks are brought together anew for one token. */
const mostFormings = 8;

/** Ranks that answer and do not meet: each time takes as long as they are waited for. */
const mostUnmet = 2;

/**
 * A decoder whose layers are divided over several machines. When a rank is lost the others are brought together anew, the texts
 * under way are run again, and go on.
 */
export class ClusterDecoder implements TokenDecoder {
  readonly #options: ClusterOptions;
  readonly #members: Members;
  #formed: Formed | undefined;
  #forming: Promise<Formed> | undefined;
  #parting: Promise<readonly Loss[]> | undefined;
  /** Sequences of this decoder as those of what is formed now; one that is missing is begun again with its next pass. */
  #inner = new Map<number, number>();
  #nextSequence = 1;
  /** Sequences that ran a pass. */
  readonly #begun = new Set<number>();
  #passes = 0;
  #closed = false;

  private constructor(options: ClusterOptions, members: Members) {
    this.#options = options;
    this.#members = members;
  }

  /**
   * Brings the ranks together.
   * @throws CutpointError naming the rank that cannot be reached or cannot take its shard; nothing is left open.
   */
  static async open(options: ClusterOptions): Promise<ClusterDecoder> {
    const { others, shares, windowBytes, signal, onEvent = () => {} } = options;
    const members = await Members.connect(seatsOf(others, shares, windowBytes), onEvent, signal);
    const decoder = new ClusterDecoder(options, members);
    try {
      await decoder.#current();
      return decoder;
    } catch (thrown) {
      await decoder[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get config(): DecoderConfig {
    return this.#options.made.manifest.config;
  }

  /** What the ranks that are together now spent, rank 0 first; none while they are brought together. No rank is asked. */
  readings(): RankReading[] {
    const formed = this.#formed;
    if (formed === undefined) return [];
    if (formed.kind === 'alone') return [{ ...noCost, rank: 'here', weightsBytes: 0 }];
    return formed.formation.costs().map((cost, i) => ({
      ...cost,
      rank: this.#members.ranks[i - 1]?.url ?? 'here',
      weightsBytes: formed.formation.facts.shardBytes[i] ?? 0,
    }));
  }

  /** What the ranks that are together now are and spent, rank 0 first. */
  async report(): Promise<RankReport[]> {
    if (this.#formed?.kind !== 'ranks') return [];
    const readings = this.readings();
    const windows = this.#formed.formation.windows();
    const budgets = this.#windowBytes();
    // One that is lost by now is reported with what it said before.
    const peaks = await Promise.all(this.#members.ranks.map((rank) => rank.describe().catch(() => undefined)));
    return readings.map((reading, i) => ({
      ...reading,
      peakRssBytes: i === 0 ? peakRssBytes() : (peaks[i - 1]?.peakRssBytes ?? null),
      window: windowOf(windows[i], budgets?.[i]),
    }));
  }

  sequence(): number {
    return this.#nextSequence++;
  }

  async next(sequence: number, step: Step): Promise<NextTokens> {
    this.#passes++;
    try {
      if (!this.#begun.has(sequence)) this.#takeBack();
      this.#begun.add(sequence);
      return await this.#next(sequence, step);
    } finally {
      this.#passes--;
    }
  }

  async #next(sequence: number, step: Step): Promise<NextTokens> {
    let unmet = 0;
    const losses: Loss[] = [];
    for (let formings = 0; ; formings++) {
      let formed: Formed | undefined;
      try {
        formed = await this.#current();
        const decoder = decoderOf(formed);
        const inner = this.#inner.get(sequence) ?? decoder.sequence();
        this.#inner.set(sequence, inner);
        const before = formed.kind === 'ranks' ? formed.formation.costs()[0] : undefined;
        const next = await decoder.next(inner, step);
        if (formed.kind === 'alone' || before === undefined) return next;
        return { ...next, cost: { ...next.cost, ...spent(before, formed.formation.costs()[0] ?? before) } };
      } catch (thrown) {
        const error = asCutpointError(thrown, 'CUT_INTERNAL');
        if (error.code === 'CUT_RANK_MISSING') unmet++;
        const over = this.#closed || formings >= mostFormings || unmet >= mostUnmet || step.signal?.aborted === true;
        const isTriedAgain = isLoss(error) || this.#isReplaced(formed, error) || this.#members.hasUnfit;
        if (over || !isTriedAgain) throw besides(error, losses);
        losses.push(...(await this.#reform(formed, error)));
      }
    }
  }

  /** Another text lost a rank first, and what this one ran on was closed. */
  #isReplaced(formed: Formed | undefined, { code }: CutpointError): boolean {
    return code === 'CUT_DISPOSED' && formed !== undefined && this.#formed !== formed;
  }

  truncate(sequence: number, tokens: number): void {
    this.#now(sequence, (decoder, inner) => decoder.truncate(inner, tokens));
  }

  clone(sequence: number, tokens: number): number {
    const into = this.sequence();
    this.#now(sequence, (decoder, inner) => this.#inner.set(into, decoder.clone(inner, tokens)));
    return into;
  }

  drop(sequence: number): void {
    this.#now(sequence, (decoder, inner) => decoder.drop(inner));
    this.#inner.delete(sequence);
    this.#begun.delete(sequence);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#parting;
    await this.#forming?.catch(() => undefined);
    const formed = this.#formed;
    this.#formed = undefined;
    await close(formed);
    await this.#members[Symbol.asyncDispose]();
  }

  /** Of a sequence that is run already by what is formed now. */
  #now(sequence: number, act: (decoder: Decoder, inner: number) => void): void {
    const inner = this.#inner.get(sequence);
    if (this.#formed !== undefined && inner !== undefined) act(decoderOf(this.#formed), inner);
  }

  async #current(): Promise<Formed> {
    await this.#parting;
    if (this.#formed !== undefined) return this.#formed;
    this.#forming ??= this.#form().finally(() => {
      this.#forming = undefined;
    });
    return await this.#forming;
  }

  /** Brings those together that are there. @throws CutpointError as `openRanks` and `openAlone` */
  async #form(): Promise<Formed> {
    const { others, onEvent, shares = [1] } = this.#options;
    const members = this.#members.present;
    const windowBytes = this.#windowBytes();
    if (members.length === 0 && others.length > 0 && windowBytes === undefined) {
      this.#formed = await openAlone(this.#options);
      onEvent?.({ kind: 'formed', ranks: [], facts: { shardBytes: [], explanation: [] } });
      return this.#formed;
    }
    const formed = await openRanks(members, shares[0] ?? 1, {
      ...this.#options,
      windowBytes,
      onUnfit: (rank, reason) => this.#members.blame(rank, reason),
      onNoSlots: (why) => onEvent?.({ kind: 'no-slots', why }),
    });
    this.#formed = formed;
    onEvent?.({ kind: 'formed', ranks: members.map(({ rank }) => rank.url), facts: formed.formation.facts });
    return formed;
  }

  /** Before a text begins, and while no other is under way: brings ranks that returned together with the others. */
  #takeBack(): void {
    if (this.#passes > 1 || this.#forming !== undefined) return;
    const back = this.#members.takeBack();
    if (back.length === 0) return;
    this.#forming = this.#formWith(back, this.#forget()).finally(() => {
      this.#forming = undefined;
    });
    // Whoever wants a pass hears of it.
    this.#forming.catch(() => undefined);
  }

  /** A rank that returned and cannot take part does not keep the others from going on. */
  async #formWith(back: readonly Member[], formed: Formed | undefined): Promise<Formed> {
    await close(formed);
    try {
      return await this.#form();
    } catch (thrown) {
      await this.#members.sendAway(back, asCutpointError(thrown, 'CUT_INTERNAL'));
      return await this.#form();
    }
  }

  /** Of those that are there, rank 0 first. */
  #windowBytes(): number[] | undefined {
    const own = this.#options.windowBytes?.[0];
    return own === undefined ? undefined : [own, ...this.#members.present.map(({ windowBytes = own }) => windowBytes)];
  }

  /**
   * Lets those go without which the others are brought together with the next pass.
   * @param formed what failed; undefined where ranks could not be brought together.
   */
  async #reform(formed: Formed | undefined, failure: CutpointError): Promise<readonly Loss[]> {
    // Several texts may have failed at once.
    if (this.#formed === formed) {
      this.#parting ??= this.#part(failure).finally(() => {
        this.#parting = undefined;
      });
    }
    return (await this.#parting) ?? [];
  }

  async #part(failure: CutpointError): Promise<readonly Loss[]> {
    const formed = this.#forget();
    await close(formed);
    if (formed?.kind === 'ranks') {
      const blame = (rank: RemoteRank, reason: CutpointError) => this.#members.blame(rank, reason);
      await blameFaulty(this.#members.ranks, formed.formation.faulty(), failure, blame);
    }
    return await this.#members.letGo();
  }

  /** What is formed now is of no use any more. */
  #forget(): Formed | undefined {
    const formed = this.#formed;
    this.#formed = undefined;
    this.#inner = new Map();
    return formed;
  }
}
