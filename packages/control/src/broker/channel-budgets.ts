import type { DeviceId } from '../ids.js';
import { RateBudget } from './rate-budget.js';

/** Devices that are remembered; those that have sent nothing for longest are forgotten first. */
const mostDevices = 16_384;
/** A burst may be ahead of its budget by this much. */
const mostAheadMs = 1_000;

/**
 * Bounds what each device says on its channels, which servers have to read, whatever it may send to other devices. It is
 * kept by device: a new connection is no new budget.
 */
export class ChannelBudgets {
  readonly #bytesPerSecond: number;
  readonly #budgets = new Map<DeviceId, RateBudget>();

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Counts a message. False: the device is too far ahead. */
  spend(device: DeviceId, bytes: number, nowMs: number): boolean {
    const budget = this.#budgets.get(device) ?? new RateBudget(this.#bytesPerSecond, nowMs);
    this.#budgets.delete(device);
    this.#budgets.set(device, budget);
    for (const oldest of this.#budgets.keys()) {
      if (this.#budgets.size <= mostDevices) break;
      this.#budgets.delete(oldest);
    }
    return budget.spend(bytes, nowMs) <= mostAheadMs;
  }
}
