import { asCutpointError, type CutpointError } from '@cutpoint/core';
import { connectFailure } from './connect-failure.js';
import { RemoteRank } from './remote-rank.js';
import { ReturningRanks } from './returning-ranks.js';
import type { Member, Seat } from './seats.js';

/** A rank that was let go, and why. */
export interface Loss {
  readonly kind: 'lost';
  readonly rank: string;
  readonly reason: CutpointError;
}

export type MemberEvent = Loss | { readonly kind: 'returned'; readonly rank: string };

/** The ranks of a cluster beside rank 0: who is there, who was let go, and who is back. */
export class Members implements AsyncDisposable {
  readonly #onEvent: (event: MemberEvent) => void;
  readonly #returning = new ReturningRanks();
  /** Ranks that answer, and without which the others are better brought together. */
  readonly #unfit = new Map<RemoteRank, CutpointError>();
  #present: readonly Member[];

  private constructor(present: readonly Member[], onEvent: (event: MemberEvent) => void) {
    this.#present = present;
    this.#onEvent = onEvent;
  }

  /** Connects with all. @throws CutpointError naming the rank that cannot be reached; nothing is left open. */
  static async connect(
    seats: readonly Seat[],
    onEvent: (event: MemberEvent) => void,
    signal: AbortSignal | undefined,
  ): Promise<Members> {
    const settled = await Promise.allSettled(seats.map(({ endpoint }) => RemoteRank.connect(endpoint, signal)));
    const present = seats.flatMap((seat, i) => {
      const each = settled[i];
      return each?.status === 'fulfilled' ? [{ ...seat, rank: each.value }] : [];
    });
    for (const [i, each] of settled.entries()) {
      if (each.status === 'fulfilled') continue;
      await Promise.all(present.map(({ rank }) => rank[Symbol.asyncDispose]()));
      throw connectFailure(i + 1, seats[i]?.endpoint.url, each.reason);
    }
    return new Members(present, onEvent);
  }

  /** Those that are there, in the order of their seats. */
  get present(): readonly Member[] {
    return this.#present;
  }

  get ranks(): readonly RemoteRank[] {
    return this.#present.map(({ rank }) => rank);
  }

  /** Some of those that are there are to be let go. */
  get hasUnfit(): boolean {
    return this.#unfit.size > 0;
  }

  /** The others are better brought together without this one. */
  blame(rank: RemoteRank, reason: CutpointError): void {
    if (!this.#unfit.has(rank)) this.#unfit.set(rank, reason);
  }

  /** Lets those go that do not answer any more, and those that were blamed. */
  async letGo(): Promise<readonly Loss[]> {
    const judged = await Promise.all(
      this.#present.map(async (member) => ({
        member,
        silence: await silenceOf(member),
        unfit: this.#unfit.get(member.rank),
      })),
    );
    this.#unfit.clear();
    this.#present = judged.filter(({ silence, unfit }) => (silence ?? unfit) === undefined).map(({ member }) => member);
    const losses: Loss[] = [];
    for (const { member, silence, unfit } of judged) {
      const reason = silence ?? unfit;
      // One that is there all the time would come back as it is.
      if (reason !== undefined) losses.push(await this.#lose(member, reason, { returns: silence !== undefined }));
    }
    return losses;
  }

  /** Counts those as there that are back. */
  takeBack(): readonly Member[] {
    const back = this.#returning.take();
    this.#present = [...this.#present, ...back].toSorted((a, b) => a.place - b.place);
    for (const { rank } of back) this.#onEvent({ kind: 'returned', rank: rank.url });
    return back;
  }

  /** Lets those go again that were taken back. */
  async sendAway(back: readonly Member[], reason: CutpointError): Promise<void> {
    this.#present = this.#present.filter((member) => !back.includes(member));
    this.#unfit.clear();
    for (const member of back) await this.#lose(member, reason, { returns: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#returning[Symbol.asyncDispose]();
    await Promise.all(this.ranks.map((rank) => rank[Symbol.asyncDispose]()));
  }

  async #lose(member: Member, reason: CutpointError, { returns }: { readonly returns: boolean }): Promise<Loss> {
    const loss: Loss = { kind: 'lost', rank: member.rank.url, reason };
    this.#onEvent(loss);
    await member.rank[Symbol.asyncDispose]();
    if (returns) this.#returning.lookFor(member);
    return loss;
  }
}

/** Why it does not answer; undefined of one that does. */
async function silenceOf({ rank }: Member): Promise<CutpointError | undefined> {
  return await rank.describe().then(
    () => undefined,
    (thrown: unknown) => asCutpointError(thrown, 'CUT_CONNECTION_LOST'),
  );
}
