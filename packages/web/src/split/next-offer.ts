import { CutpointError } from '@cutpoint/core';

/** So long a request that lost its connection waits for the next one: longer than the page waits between two tries. */
const waitMs = 30_000;

/** Those who wait for the server's next offer, which comes with each new connection. */
export class NextOffer {
  readonly #waiting = new Set<() => void>();

  /** It came. */
  came(): void {
    for (const wake of this.#waiting) wake();
  }

  /** @throws `lost` if none comes in time; the reason of the signal, CUT_CANCELLED where it is no error of ours */
  async wait(lost: CutpointError, signal: AbortSignal): Promise<void> {
    const late = AbortSignal.timeout(waitMs);
    const either = AbortSignal.any([signal, late]);
    await new Promise<void>((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        either.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      either.addEventListener('abort', wake);
      if (either.aborted) wake();
    });
    if (signal.aborted) {
      throw signal.reason instanceof CutpointError
        ? signal.reason
        : new CutpointError('CUT_CANCELLED', 'The run was cancelled.');
    }
    if (late.aborted) throw lost;
  }
}
