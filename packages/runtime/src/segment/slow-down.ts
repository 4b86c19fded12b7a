import { nowUs } from './clock.js';

/** Sleeps of this much too long are made up for. More is a stall of the machine, which a slower device would have too. */
const mostOwedUs = 20_000;

/**
 * Makes each run of a worker take `factor` times as long, by sleeping after it: the stage is then as busy, its queue as
 * long and its health the same as on a slower device, while the processor is free for others.
 * Returns a function that takes when a run began and ended, in µs, blocks the thread for the rest and returns when it
 * woke. Where it slept too long, the next sleeps are shorter, by half at most, so that errors do not add up.
 */
export function slowDownBy(factor: number): (fromUs: number, toUs: number) => number {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  let owedUs = 0;
  return (fromUs, toUs) => {
    if (factor === 1) return toUs;
    const extraUs = (factor - 1) * (toUs - fromUs);
    const sleepUs = Math.max(extraUs / 2, extraUs - owedUs) - (nowUs() - toUs);
    if (sleepUs > 0) Atomics.wait(clock, 0, 0, sleepUs / 1000);
    const endUs = nowUs();
    owedUs = Math.min(mostOwedUs, owedUs + (endUs - toUs) - extraUs);
    return endUs;
  };
}
