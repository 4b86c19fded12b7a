import { describe, expect, it } from 'vitest';
import type { Plan } from './problem.js';
import { profileOf } from './profile.testing.js';
import { noiseOf, simplerThan } from './worth-cutting.js';

const costs = { throughputPerS: 1, energyJ: 0, peakBytes: 0, wireBytes: 0, accuracyLoss: 0, latencyMs: 0 };
const make = (changes: Partial<Plan>): Plan => ({ ...costs, devices: [0], cuts: [], codecs: [], ...changes }) as Plan;
const split = (latencyMs: number) => make({ devices: [0, 1], cuts: [3], codecs: ['raw'], latencyMs });
const alone = [
  { device: 'pi', plan: make({ latencyMs: 100 }) },
  { device: 'box', plan: make({ devices: [0, 1], cuts: [0], codecs: ['raw'], latencyMs: 150 }) },
];

describe('the noise of a profile', () => {
  const withTimes = (p10Ms: number, p90Ms: number) => {
    const whole = {
      from: 0,
      to: 3,
      medianMs: 10,
      p10Ms,
      p90Ms,
      runs: 9,
      loadMs: 5,
      residentBytes: null,
      peakBytes: null,
    };
    return noiseOf(profileOf({ measured: [whole] }));
  };

  it('is half of what most times of the whole model lie within', () => {
    expect(withTimes(9, 12)).toBeCloseTo(0.15);
  });

  it('has bounds, as few times say little', () => {
    expect([withTimes(10, 10), withTimes(1, 90)]).toEqual([0.05, 0.5]);
    expect(noiseOf(profileOf({ measured: [] }))).toBe(0.05);
  });
});

describe('a plan with cuts', () => {
  it('gives way to the fastest device alone where it gains less than the noise', () => {
    expect(simplerThan(split(90), alone, 0.15)).toBe(alone[0]?.plan);
    expect(simplerThan(split(84), alone, 0.15)).toBeUndefined();
  });

  it('stays where no device can do it alone, or only with a loss', () => {
    expect(simplerThan(split(99), [{ device: 'pi', infeasible: 'memory' }], 0.15)).toBeUndefined();
    const lossy = [{ device: 'box', plan: make({ latencyMs: 90, accuracyLoss: 0.01 }) }];
    expect(simplerThan(split(99), lossy, 0.15)).toBeUndefined();
  });

  it('of one device that is sent the input is none', () => {
    expect(
      simplerThan(make({ devices: [0, 1], cuts: [0], codecs: ['raw'], latencyMs: 99 }), alone, 0.15),
    ).toBeUndefined();
  });
});
