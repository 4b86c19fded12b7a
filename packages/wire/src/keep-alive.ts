/** Notices a peer that has fallen silent: pings it, and reports it lost when nothing comes for `silenceMs`. */
export class KeepAlive {
  readonly #timer: NodeJS.Timeout;
  #heardAt: number;
  #lookedAt: number;

  /**
   * `judge` is false while this side has itself stopped reading: pings still go out then, so that the other side
   * knows that it is alive, but silence means nothing.
   */
  constructor(silenceMs: number, peer: { ping(): void; judge(): boolean; lost(): void }) {
    const tickMs = silenceMs / 3;
    this.#heardAt = this.#lookedAt = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      // A late tick means that this process stood still: what the peer sent may lie unread in the socket.
      const stoodStill = now - this.#lookedAt > 2 * tickMs;
      this.#lookedAt = now;
      if (stoodStill || !peer.judge()) this.#heardAt = now;
      if (now - this.#heardAt > silenceMs) peer.lost();
      else peer.ping();
    }, tickMs);
    this.#timer.unref();
  }

  /** Something arrived, or the peer took something. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
