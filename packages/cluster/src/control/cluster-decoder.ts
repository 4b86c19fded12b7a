import { asCutpointError, CutpointError } from '@cutpoint/core';
import { Decoder, type DecoderConfig, type NextTokens, type Step, type TokenDecoder } from '@cutpoint/llm';
import type { RankCost } from '../engine/rank-costs.js';
import { divide } from '../shard/division.js';
import { ffnUnitOf } from '../shard/ffn-unit.js';
import { Formation, type FormationFacts, type FormationOptions } from './formation.js';
import { peakRssBytes } from './peak-rss.js';
import { cutOff, isLoss, lost } from './rank-losses.js';
import { noCost, type RankReading, type RankReport, windowOf } from './rank-report.js';
import { type RankEndpoint, RemoteRank } from './remote-rank.js';
import { type Member, ReturningRanks } from './returning-ranks.js';
import type { SilentLink } from './silent-link.js';

export interface ClusterOptions extends Omit<FormationOptions, 'division'> {
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
  | { readonly kind: 'lost'; readonly rank: string; readonly reason: CutpointError }
  | { readonly kind: 'returned'; readonly rank: string }
  /** A shard of this machine is not what it should be, and was removed. */
  | { readonly kind: 'damaged-shard'; readonly what: string }
  /** What passes through the window of this machine is opened each time. */
  | { readonly kind: 'no-slots'; readonly why: string };

/** What is formed now: of several ranks, or rank 0 alone. */
type Formed =
  | { readonly kind: 'ranks'; readonly formation: Formation }
  | { readonly kind: 'alone'; readonly decoder: Decoder };

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
  #members: Member[];
  #formed: Formed | undefined;
  #forming: Promise<Formed> | undefined;
  /** Sequences of this decoder as those of what is formed now; one that is missing is begun again with its next pass. */
  #inner = new Map<number, number>();
  /** Ranks that are there, but not for all others. */
  readonly #cutOff = new Map<RemoteRank, CutpointError>();
  #nextSequence = 1;
  /** Sequences that ran a pass. */
  readonly #begun = new Set<number>();
  #passes = 0;
  #closed = false;
  readonly #returning = new ReturningRanks();

  private constructor(options: ClusterOptions, members: Member[]) {
    this.#options = options;
    this.#members = members;
  }

  /**
   * Brings the ranks together.
   * @throws CutpointError naming the rank that cannot be reached or cannot take its shard; nothing is left open.
   */
  static async open(options: ClusterOptions): Promise<ClusterDecoder> {
    const { others, shares = [1, ...others.map(() => 1)], signal } = options;
    if (shares.length !== others.length + 1) {
      const message = `There are ${others.length + 1} ranks, and shares for ${shares.length}: state one for each, rank 0 first.`;
      throw new CutpointError('CUT_USAGE', message);
    }
    const windowBytes = windowOfEach(others.length + 1, options.windowBytes);
    const settled = await Promise.allSettled(others.map((address) => RemoteRank.connect(address, signal)));
    const decoder = new ClusterDecoder(
      options,
      settled.flatMap((each, i) => {
        const [endpoint, place] = [others[i], i + 1];
        if (each.status === 'rejected' || endpoint === undefined) return [];
        return [{ endpoint, place, share: shares[place] ?? 1, windowBytes: windowBytes?.[place], rank: each.value }];
      }),
    );
    try {
      for (const [i, each] of settled.entries()) {
        if (each.status === 'fulfilled') continue;
        const { code, message } = asCutpointError(each.reason, 'CUT_UNREACHABLE');
        throw new CutpointError(code, `Rank ${i + 1} at ${others[i]?.url}: ${message}`, { cause: each.reason });
      }
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
      rank: this.#members[i - 1]?.rank.url ?? 'here',
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
    const peaks = await Promise.all(this.#members.map(({ rank }) => rank.describe().catch(() => undefined)));
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
        if (over || !(isLoss(error) || this.#isReplaced(formed, error))) throw error;
        await this.#reform(formed);
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
    await this.#returning[Symbol.asyncDispose]();
    await this.#forming?.catch(() => undefined);
    const formed = this.#formed;
    this.#formed = undefined;
    if (formed !== undefined) await disposeOf(formed);
    await Promise.all(this.#members.map(({ rank }) => rank[Symbol.asyncDispose]()));
  }

  /** Of a sequence that is run already by what is formed now. */
  #now(sequence: number, act: (decoder: Decoder, inner: number) => void): void {
    const inner = this.#inner.get(sequence);
    if (this.#formed !== undefined && inner !== undefined) act(decoderOf(this.#formed), inner);
  }

  async #current(): Promise<Formed> {
    if (this.#formed !== undefined) return this.#formed;
    this.#forming ??= this.#form().finally(() => {
      this.#forming = undefined;
    });
    return await this.#forming;
  }

  /** Brings those together that are there. @throws CutpointError as `Formation.form` */
  async #form(): Promise<Formed> {
    const { made, threads, cache, chunkTokens, onEvent, shares = [1], signal } = this.#options;
    const { manifest, folder } = made;
    const windowBytes = this.#windowBytes();
    // A whole decoder knows no window.
    if (this.#members.length === 0 && this.#options.others.length > 0 && windowBytes === undefined) {
      const decoder = await Decoder.open(folder, manifest, { threads, cache, chunkTokens, ...(signal && { signal }) });
      this.#formed = { kind: 'alone', decoder };
      onEvent?.({ kind: 'formed', ranks: [], facts: { shardBytes: [], explanation: [] } });
      return this.#formed;
    }
    const division = divide(
      manifest.config,
      [shares[0] ?? 1, ...this.#members.map(({ share }) => share)],
      ffnUnitOf(manifest),
    );
    const ranks = this.#members.map(({ rank }) => rank);
    const onSilentLink = (link: SilentLink): void => {
      // Rank 0 is needed.
      const rank = ranks[(link.silent === 0 ? link.waiting : link.silent) - 1];
      if (rank === undefined) return;
      const error = cutOff(rank, link);
      this.#cutOff.set(rank, error);
      formation.end(error);
    };
    const formation: Formation = await Formation.form(ranks, {
      ...this.#options,
      division,
      windowBytes,
      onSilentLink,
      onNoSlots: (why) => this.#options.onEvent?.({ kind: 'no-slots', why }),
    });
    this.#formed = { kind: 'ranks', formation };
    for (const rank of ranks) {
      // Nobody waits longer for a rank than its connection is silent.
      void rank.closed.then((reason) => {
        formation.end(lost(rank, reason ?? new CutpointError('CUT_CONNECTION_LOST', 'It closed the connection.')));
      });
    }
    onEvent?.({ kind: 'formed', ranks: ranks.map(({ url }) => url), facts: formation.facts });
    return this.#formed;
  }

  /** Before a text begins, and while no other is under way: brings ranks that returned together with the others. */
  #takeBack(): void {
    if (this.#passes > 1 || this.#forming !== undefined) return;
    const back = this.#returning.take();
    if (back.length === 0) return;
    const [before, formed] = [this.#members, this.#formed];
    this.#members = [...before, ...back].toSorted((a, b) => a.place - b.place);
    this.#formed = undefined;
    this.#inner = new Map();
    for (const { rank } of back) this.#options.onEvent?.({ kind: 'returned', rank: rank.url });
    this.#forming = this.#formWith(before, back, formed).finally(() => {
      this.#forming = undefined;
    });
    // Whoever wants a pass hears of it.
    this.#forming.catch(() => undefined);
  }

  /** A rank that returned and cannot take part does not keep the others from going on. */
  async #formWith(before: Member[], back: readonly Member[], formed: Formed | undefined): Promise<Formed> {
    if (formed !== undefined) await disposeOf(formed);
    try {
      return await this.#form();
    } catch (thrown) {
      const reason = asCutpointError(thrown, 'CUT_INTERNAL');
      this.#members = before;
      for (const member of back) {
        this.#options.onEvent?.({ kind: 'lost', rank: member.rank.url, reason });
        await member.rank[Symbol.asyncDispose]();
        this.#returning.lookFor(member);
      }
      return await this.#form();
    }
  }

  /** Of those that are left, rank 0 first. */
  #windowBytes(): number[] | undefined {
    const own = this.#options.windowBytes?.[0];
    return own === undefined ? undefined : [own, ...this.#members.map(({ windowBytes = own }) => windowBytes)];
  }

  /**
   * Lets those go that do not answer any more, so that the others are brought together with the next pass.
   * @param formed what failed; undefined where ranks could not be brought together.
   */
  async #reform(formed: Formed | undefined): Promise<void> {
    // Several texts may have failed at once.
    if (this.#formed !== formed) return;
    this.#formed = undefined;
    this.#inner = new Map();
    if (formed !== undefined) await disposeOf(formed);
    const answers = await Promise.all(
      this.#members.map(async (member) => {
        const reason = await member.rank.describe().then(
          () => this.#cutOff.get(member.rank),
          (thrown: unknown) => asCutpointError(thrown, 'CUT_CONNECTION_LOST'),
        );
        return { member, reason };
      }),
    );
    this.#members = answers.filter(({ reason }) => reason === undefined).map(({ member }) => member);
    for (const { member, reason } of answers) {
      if (reason === undefined) continue;
      this.#options.onEvent?.({ kind: 'lost', rank: member.rank.url, reason });
      await member.rank[Symbol.asyncDispose]();
      // One that is there already would be cut off again.
      if (!this.#cutOff.has(member.rank)) this.#returning.lookFor(member);
    }
  }
}

function decoderOf(formed: Formed): Decoder {
  return formed.kind === 'ranks' ? formed.formation.decoder : formed.decoder;
}

async function disposeOf(formed: Formed): Promise<void> {
  await (formed.kind === 'ranks' ? formed.formation : formed.decoder)[Symbol.asyncDispose]();
}

/** @throws CutpointError CUT_USAGE if there is neither one number nor one for each rank */
function windowOfEach(ranks: number, windowBytes: readonly number[] | undefined): readonly number[] | undefined {
  const [all] = windowBytes ?? [];
  if (windowBytes === undefined || all === undefined || windowBytes.length === ranks) return windowBytes;
  if (windowBytes.length === 1) return Array.from({ length: ranks }, () => all);
  const message = `There are ${ranks} ranks, and windows for ${windowBytes.length}: state one for all, or one for each, rank 0 first.`;
  throw new CutpointError('CUT_USAGE', message);
}

/** What rank 0 spent on one pass. */
function spent(before: RankCost, after: RankCost): Partial<NextTokens['cost']> {
  return {
    agentMs: after.computeMs - before.computeMs,
    linkMs: after.syncMs - before.syncMs,
    upBytes: after.sentBytes - before.sentBytes,
    downBytes: after.receivedBytes - before.receivedBytes,
  };
}
