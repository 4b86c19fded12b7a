import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainSteadyState, steadyState } from './steady-state.js';

interface LayerTimes {
  readonly attention: number;
  readonly feedForward: number;
  readonly reduce: number;
  readonly readAttention: number;
  readonly readFeedForward: number;
}

const time = fc.integer({ min: 0, max: 40 });
const times = fc.record({
  attention: time,
  feedForward: time,
  reduce: time,
  readAttention: time,
  readFeedForward: time,
});

function halvesOf({ attention, feedForward, reduce, readAttention, readFeedForward }: LayerTimes, layers: number) {
  return Array.from({ length: layers }, () => [
    { busyMs: attention + reduce, readMs: readAttention },
    { busyMs: feedForward + reduce, readMs: readFeedForward },
  ]).flat();
}

function everyLayer(layers: number, holds: (l: number) => boolean): boolean {
  return Array.from({ length: layers }, (_, i) => holds(i + 1)).every(Boolean);
}

describe('steadyState', () => {
  it('has the equations of the paper where all layers are alike', () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 20 }), (t, layers) => {
        const { attention: a, feedForward: f, reduce: r, readAttention: ra, readFeedForward: rf } = t;
        expect(steadyState(halvesOf(t, layers))).toMatchObject({
          enough: a + f + 2 * r >= ra + rf,
          fromAttention: everyLayer(layers, (l) => l * a + (l - 1) * f + (2 * l - 1) * r >= l * rf + (l - 1) * ra),
          fromFeedForward: everyLayer(layers, (l) => (l - 1) * a + l * f + (2 * l - 1) * r >= (l - 1) * rf + l * ra),
          tight: a + r >= rf && f + r >= ra,
        });
      }),
    );
  });

  it('agrees with the example measured in the paper: tight fails, 4 and 6 hold, 5 fails', () => {
    const halves = halvesOf({ attention: 11, feedForward: 17, reduce: 14, readAttention: 18, readFeedForward: 30 }, 32);
    expect(steadyState(halves)).toEqual({
      enough: true,
      fromAttention: false,
      fromFeedForward: true,
      tight: false,
      steady: true,
      leastWaitMs: 0,
    });
  });

  it('counts nothing for what stays', () => {
    const halves = [
      { busyMs: 10, readMs: 0 },
      { busyMs: 10, readMs: 15 },
    ];
    expect(steadyState(halves)).toMatchObject({ enough: true, steady: true });
  });

  it('says how long a token waits at least', () => {
    const halves = [
      { busyMs: 10, readMs: 30 },
      { busyMs: 10, readMs: 15 },
    ];
    expect(steadyState(halves)).toMatchObject({ enough: false, steady: false, leastWaitMs: 25 });
    expect(explainSteadyState(halves).at(-1)).toContain('at least 25.0 ms');
  });
});
