import { type CancelSignal, CutpointError, cancelReason, messageOf, onCancel } from '@cutpoint/core';
import { afterMs } from './after-ms.js';

/** How long a GPU may leave a wait without an answer, in ms, before it counts as lost: as long as an inference on the CPU may be stuck. */
export const stuckMs = 30_000;
/** The same of a driver that computes on the CPU, where a step of a large model may take that long. */
export const stuckMsInSoftware = 10 * stuckMs;

/** Whether a device is there and answers. Once it does not, or is closed, every wait for it ends with the reason. */
export class DeviceLife {
  /** Resolves when the device is gone, also if it was closed. */
  readonly lost: Promise<CutpointError>;
  readonly #device: GPUDevice;
  readonly #stuckMs: number;
  readonly #waits = new Set<(reason: CutpointError) => void>();
  #tellLost: (reason: CutpointError) => void = () => undefined;
  #gone: CutpointError | undefined;
  /** What it has not answered. */
  #stuckIn: Promise<unknown> | undefined;

  /** @param stuckMs see `stuckMs`. */
  constructor(device: GPUDevice, stuckMs: number) {
    this.#device = device;
    this.#stuckMs = stuckMs;
    this.lost = new Promise((resolve) => {
      this.#tellLost = resolve;
    });
    void device.lost.then(({ message }) => this.#end(lostBy(message)));
  }

  /** Why it cannot be used any more. */
  get gone(): CutpointError | undefined {
    return this.#gone;
  }

  /**
   * What the device answers. Work of a lost device is rejected in ways of its own, resolved as if nothing were, or never settled.
   * @throws CutpointError CUT_GPU_LOST, also where there is no answer for long; CUT_DISPOSED; what `signal` ends it with.
   */
  async unlessLost<T>(work: Promise<T>, signal?: CancelSignal): Promise<T> {
    // One that loses the race may still be rejected, which nobody would hear.
    work.catch(() => undefined);
    if (this.#gone !== undefined) throw this.#gone;
    let end: (reason: CutpointError) => void = () => undefined;
    const ended = new Promise<never>((_, reject) => {
      end = reject;
    });
    this.#waits.add(end);
    using _cancelled = onCancel(signal, () => signal && end(cancelReason(signal)));
    using _stuck = afterMs(this.#stuckMs, () => this.#endStuck(work));
    try {
      const result = await Promise.race([work, ended]);
      if (this.#gone === undefined) return result;
    } catch (cause) {
      if (this.#gone === undefined) {
        throw cause instanceof CutpointError ? cause : lostBy(messageOf(cause), cause);
      }
    } finally {
      this.#waits.delete(end);
    }
    throw this.#gone;
  }

  /** Nothing is asked of the device any more. @param destroyed whether it is destroyed too, and what it holds freed. */
  close(destroyed: boolean): void {
    this.#end(new CutpointError('CUT_DISPOSED', 'The GPU was closed.'));
    if (!destroyed) return;
    // A driver that is stuck may never come back from that either, and would take this thread along.
    if (this.#stuckIn === undefined) this.#device.destroy();
    else void this.#stuckIn.catch(() => undefined).then(() => this.#device.destroy());
  }

  #endStuck(work: Promise<unknown>): void {
    this.#stuckIn ??= work;
    this.#end(lostBy(`it has not answered for ${this.#stuckMs / 1000} s`));
  }

  #end(reason: CutpointError): void {
    if (this.#gone !== undefined) return;
    this.#gone = reason;
    this.#tellLost(reason);
    for (const end of this.#waits) end(reason);
  }
}

function lostBy(message: string, cause?: unknown): CutpointError {
  return new CutpointError('CUT_GPU_LOST', `The GPU was lost: ${message}`, { cause });
}
