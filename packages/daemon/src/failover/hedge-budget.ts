/** Of a hundred requests, so many may be begun a second time beside the first. */
const share = 0.1;
/** So many may be at once, if there were few before: a link that stops answering delays all that are under way. */
const most = 20;

/**
 * Bounds how much work hedging adds: where all is slow because there is too much to do, a second attempt for every request
 * would make it worse. Requests put a little in, each second attempt takes one out; as gRPC throttles retries
 * (proposal A6), and Dean and Barroso limit hedges to a few percent (The Tail at Scale, CACM 2013).
 */
export class HedgeBudget {
  #left = most;

  /** A request has begun. */
  earn(): void {
    this.#left = Math.min(most, this.#left + share);
  }

  /** True if a second attempt may begin now. */
  spend(): boolean {
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
