import { setTimeout as sleep } from 'node:timers/promises';
import { cancelReason } from '@cutpoint/core';
import type { Power } from '@cutpoint/plan';
import type { PowerMeter } from './power-meter.js';

export interface PowerOptions {
  /** How long the idle device is watched. Default 3,000. */
  readonly idleMs?: number;
  /** Keeps the device as busy as one segment does; watched while it runs. */
  readonly busy: () => Promise<unknown>;
  /** What network traffic adds to idle, in watts: no meter can tell it from the rest. */
  readonly networkExtraW: number;
  readonly signal?: AbortSignal | undefined;
}

/** Power of this device, idle and then busy. @throws CutpointError CUT_POWER, CUT_CANCELLED or what `busy` throws. */
export async function measurePower(meter: PowerMeter, options: PowerOptions): Promise<Power> {
  const { idleMs = 3_000, busy, networkExtraW, signal } = options;
  const idleW = await during(meter, () => wait(idleMs, signal));
  const busyW = await during(meter, busy);
  return { source: meter.source, idleW, busyW, networkW: idleW + networkExtraW };
}

async function during(meter: PowerMeter, work: () => Promise<unknown>): Promise<number> {
  const watch = await meter.watch();
  try {
    await work();
  } catch (thrown) {
    // The work's failure is what counts; the meter is only let go.
    await watch.stop().catch(() => {});
    throw thrown;
  }
  return await watch.stop();
}

async function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal && { signal });
  } catch (thrown) {
    throw signal?.aborted === true ? cancelReason(signal) : thrown;
  }
}
