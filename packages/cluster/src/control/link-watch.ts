import type { Silences } from '../group/silences.js';
import type { RemoteRank } from './remote-rank.js';
import { type SilentLink, silentLink } from './silent-link.js';

const everyMs = 500;
const leastMs = 2_000;

/** For how long a rank that is well may say nothing while it waits for nobody. */
const mostMs = {
  /** Of its links: bytes there and back. */
  measuring: 15_000,
  /** Its shard, from a slow card: that has a deadline of its own. */
  loading: Number.POSITIVE_INFINITY,
  /** The longest that a half layer of a prompt may take on a slow device, with a slow disk. */
  running: 90_000,
} as const;

/**
 * Looks for a link that brings nothing any more between ranks that are all there, as where a network lets two machines speak
 * with a third but not with each other, and for a rank whose computing thread stands still. Their control connections do not
 * notice, and the others would wait for ever.
 */
export class LinkWatch implements Disposable {
  readonly #own: Silences;
  readonly #others: readonly RemoteRank[];
  readonly #onSilent: (link: SilentLink) => void;
  readonly #timer: NodeJS.Timeout;
  /** What the ranks do now. */
  phase: keyof typeof mostMs = 'measuring';
  #asking = false;
  #closed = false;

  /** @param own of rank 0. @param onSilent called once. */
  constructor(own: Silences, others: readonly RemoteRank[], onSilent: (link: SilentLink) => void) {
    this.#own = own;
    this.#others = others;
    this.#onSilent = onSilent;
    this.#timer = setInterval(() => void this.#look(), everyMs);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const own = this.#own.read();
    if (this.#asking || Math.max(...own) < leastMs) return;
    this.#asking = true;
    try {
      const silentMs = [own, ...(await Promise.all(this.#others.map((rank) => rank.silentMs())))];
      const link = silentLink(silentMs, { leastMs, mostMs: mostMs[this.phase] });
      if (link === undefined || this.#closed) return;
      this[Symbol.dispose]();
      this.#onSilent(link);
    } catch {
      // Whoever does not answer is missed by its connection.
    } finally {
      this.#asking = false;
    }
  }
}
