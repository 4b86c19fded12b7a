/** Notices a peer that has fallen silent: pings it, and reports it lost when nothing comes for `silenceMs`. */
export class KeepAlive {
  readonly #timer: ReturnType<typeof setInterval>;
  #heard = false;
  #silentTicks = 0;
  #lookedAt = performance.now();

  /**
   * `judge` is false while this side has itself stopped reading: pings still go out then, so that the other side
   * knows that it is alive, but silence means nothing.
   */
  constructor(silenceMs: number, peer: { ping(): void; judge(): boolean; lost(): void }) {
    const tickMs = silenceMs / ticks;
    this.#timer = setInterval(() => {
      const now = performance.now();
      // A late tick means that this process stood still: what the peer sent may lie unread in the socket.
      const stoodStill = now - this.#lookedAt > 2 * tickMs;
      this.#lookedAt = now;
      this.#silentTicks = this.#heard || stoodStill || !peer.judge() ? 0 : this.#silentTicks + 1;
      this.#heard = false;
      if (this.#silentTicks >= ticks) peer.lost();
      else peer.ping();
    }, tickMs);
    // A timer of a browser is a number, and keeps no process alive.
    if (typeof this.#timer === 'object') this.#timer.unref();
  }

  /** Something arrived, or the peer took something. Called for every read, so it does not look at a clock. */
  heard(): void {
    this.#heard = true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Looks per `silenceMs`. */
const ticks = 3;
