const windowMs = 60_000;
const firstDelayMs = 50;

/** How many deaths within a minute are answered by a new worker. */
export const maxRestarts = 5;

/** Decides whether and when a dead worker is replaced: at most five times a minute, waiting twice as long each time. */
export class RestartPolicy {
  private deaths: number[] = [];

  /** Notes a death at `nowMs`. Gives the milliseconds to wait before the next start, or undefined to give up. */
  delayAfterDeath(nowMs: number): number | undefined {
    this.deaths = [...this.deaths.filter((at) => nowMs - at < windowMs), nowMs];
    if (this.deaths.length > maxRestarts) return undefined;
    return firstDelayMs * 2 ** (this.deaths.length - 1);
  }
}
