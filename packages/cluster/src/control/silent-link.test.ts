import { describe, expect, it } from 'vitest';
import { silentLink } from './silent-link.js';

const bounds = { leastMs: 2_000, mostMs: 90_000 };

describe('a silent link', () => {
  it('is one at whose ends two ranks wait for each other', () => {
    const silentMs = [
      [0, 0, 3_000],
      [3_500, 0, 2_600],
      [2_500, 0, 0],
    ];
    expect(silentLink(silentMs, bounds)).toEqual({ kind: 'cut', waiting: 0, silent: 2, silentMs: 3_000 });
  });

  it('is the longest silence where ranks wait in a ring', () => {
    const silentMs = [
      [0, 0, 2_100],
      [2_200, 0, 0],
      [0, 2_900, 0],
    ];
    expect(silentLink(silentMs, bounds)).toEqual({ kind: 'cut', waiting: 2, silent: 1, silentMs: 2_900 });
  });

  it('is none where all wait for one that waits for nobody, as it computes', () => {
    const silentMs = [
      [0, 9_000, 9_000],
      [0, 0, 9_000],
      [0, 0, 0],
    ];
    expect(silentLink(silentMs, bounds)).toBeUndefined();
  });

  it('is none to a rank that there is not', () => {
    expect(
      silentLink(
        [
          [0, 0, 9_000],
          [0, 0, 9_000, 9_000],
        ],
        bounds,
      ),
    ).toBeUndefined();
  });

  it('is none where a silence is short', () => {
    const silentMs = [
      [0, 5_000],
      [1_900, 0],
    ];
    expect(silentLink(silentMs, bounds)).toBeUndefined();
  });

  it('is one to a rank that waits for nobody for longer than any computes', () => {
    const silentMs = [
      [0, 95_000, 95_500],
      [0, 0, 94_000],
      [0, 0, 0],
    ];
    expect(silentLink(silentMs, bounds)).toEqual({ kind: 'stuck', waiting: 0, silent: 2, silentMs: 95_500 });
  });

  it('is none between two texts, where all wait for rank 0', () => {
    const silentMs = [
      [0, 0],
      [3_600_000, 0],
    ];
    expect(silentLink(silentMs, bounds)).toBeUndefined();
  });
});
