import type { PowerWatch } from './power-meter.js';
import { sampledWatch } from './sampled-watch.js';

const sampleEveryMs = 100;

/** Watches a meter that only tells the power of this moment. */
export async function meanOfSamples(readW: () => Promise<number>): Promise<PowerWatch> {
  let sumW = 0;
  let samples = 0;
  const sample = async () => {
    sumW += await readW();
    samples += 1;
  };
  return await sampledWatch(sample, sampleEveryMs, () => sumW / samples);
}
