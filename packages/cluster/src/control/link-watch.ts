import type { Silences } from '../group/silences.js';
import type { RemoteRank } from './remote-rank.js';
import { type SilentLink, silentLink } from './silent-link.js';

const everyMs = 500;
/** The longest that a half layer of a prompt may take on a slow device, with a slow disk. */
const bounds = { leastMs: 2_000, mostMs: 90_000 };

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
  #asking = false;

  /** @param own of rank 0. @param onSilent called once. */
  constructor(own: Silences, others: readonly RemoteRank[], onSilent: (link: SilentLink) => void) {
    this.#own = own;
    this.#others = others;
    this.#onSilent = onSilent;
    this.#timer = setInterval(() => void this.#look(), everyMs);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const own = this.#own.read();
    if (this.#asking || Math.max(...own) < bounds.leastMs) return;
    this.#asking = true;
    try {
      const link = silentLink([own, ...(await Promise.all(this.#others.map((rank) => rank.silentMs())))], bounds);
      if (link === undefined) return;
      this[Symbol.dispose]();
      this.#onSilent(link);
    } catch {
      // Whoever does not answer is missed by its connection.
    } finally {
      this.#asking = false;
    }
  }
}
