import { RemoteRank } from './remote-rank.js';
import type { Member, Seat } from './seats.js';

const everyMs = 2_000;

/** Looks for ranks that were lost, until they are there again. */
export class ReturningRanks implements AsyncDisposable {
  readonly #away = new Set<Seat>();
  readonly #back = new Map<Seat, RemoteRank>();
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  lookFor(seat: Seat): void {
    this.#away.add(seat);
    this.#timer ??= setInterval(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    }, everyMs).unref();
  }

  /** Those that are there again; whoever takes them closes them. */
  take(): Member[] {
    const members = Array.from(this.#back, ([seat, rank]) => ({ ...seat, rank }));
    this.#back.clear();
    return members;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await this.#looking;
    await Promise.all(this.take().map(({ rank }) => rank[Symbol.asyncDispose]()));
  }

  async #look(): Promise<void> {
    await Promise.all(
      Array.from(this.#away, async (seat) => {
        const rank = await RemoteRank.connect(seat.endpoint, this.#stop.signal).catch(() => undefined);
        if (rank === undefined) return;
        this.#away.delete(seat);
        this.#back.set(seat, rank);
        void rank.closed.then(() => {
          // Whoever was taken is missed by who took it.
          if (this.#back.delete(seat)) this.#away.add(seat);
        });
      }),
    );
  }
}
