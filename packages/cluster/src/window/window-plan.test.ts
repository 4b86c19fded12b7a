import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bufferBytes, type HalfBytes, planWindow } from './window-plan.js';

const half = fc.record({
  name: fc.constant('half'),
  fileBytes: fc.integer({ min: 1, max: 1_000_000 }),
  openBytes: fc.integer({ min: 1, max: 1_000_000 }),
});
const halves = fc.array(half, { minLength: 2, maxLength: 60 });
const depths = fc.integer({ min: 1, max: 6 });

function largest(of: readonly HalfBytes[], what: 'fileBytes' | 'openBytes'): number {
  return Math.max(...of.map((each) => each[what]));
}

function passing(of: readonly HalfBytes[], depth: number): number {
  return depth * bufferBytes(of) + largest(of, 'fileBytes') + largest(of, 'openBytes');
}

function bytesWhere(of: readonly HalfBytes[], stays: readonly boolean[], wanted: boolean): number {
  return of.reduce((sum, { openBytes }, i) => sum + (stays[i] === wanted ? openBytes : 0), 0);
}

describe('planWindow', () => {
  it('never plans more than the budget, and leaves no room in which another half layer could stay', () => {
    fc.assert(
      fc.property(halves, depths, fc.integer({ min: 0, max: 60_000_000 }), (of, depth, more) => {
        const budget = passing(of, depth) + more;
        const { stays, peakBytes } = planWindow(of, budget, depth);
        expect(peakBytes).toBeLessThanOrEqual(budget);
        of.forEach(({ openBytes }, i) => {
          if (!stays[i]) expect(peakBytes + openBytes).toBeGreaterThan(budget);
        });
      }),
    );
  });

  it('spreads what is streamed evenly: of the first half layers never more than their part of it and two half layers', () => {
    fc.assert(
      fc.property(halves, depths, fc.double({ min: 0, max: 1, noNaN: true }), (of, depth, part) => {
        const all = of.reduce((sum, { openBytes }) => sum + openBytes, 0);
        const { stays } = planWindow(of, passing(of, depth) + Math.floor(part * all), depth);
        const streamed = bytesWhere(of, stays, false);
        let before = 0;
        let passed = 0;
        of.forEach(({ openBytes }, i) => {
          passed += openBytes;
          if (!stays[i]) before += openBytes;
          expect(before - (streamed * passed) / all).toBeLessThanOrEqual(2 * largest(of, 'openBytes'));
        });
      }),
    );
  });

  it('keeps all where all fit, and needs no buffers then', () => {
    fc.assert(
      fc.property(halves, (of) => {
        const budget = of.reduce((sum, { openBytes }) => sum + openBytes, 0) + passing(of, 1);
        const plan = planWindow(of, budget, 2);
        expect(plan).toMatchObject({ depth: 0, streamedBytes: 0 });
        expect(plan.stays).not.toContain(false);
      }),
    );
  });

  it('keeps every second of four equal half layers where two fit', () => {
    const of = Array.from({ length: 4 }, () => ({ name: 'half', fileBytes: 4096, openBytes: 5000 }));
    const { stays, streamedBytes } = planWindow(of, passing(of, 1) + 10_000, 1);
    expect(stays).toEqual([false, true, false, true]);
    expect(streamedBytes).toBe(2 * 4096);
  });

  it('refuses a budget of less than one half layer that is opened and one that is read, and says how many bytes it needs', () => {
    const of = [
      { name: 'layer 0, attention', fileBytes: 1000, openBytes: 1200 },
      { name: 'layer 0, feed-forward', fileBytes: 3000, openBytes: 3500 },
    ];
    const needed = passing(of, 1);
    const refused = expect.objectContaining({
      code: 'CUT_WINDOW',
      message: expect.stringContaining(`${needed} bytes`),
    });
    expect(() => planWindow(of, 4000, 1)).toThrow(refused);
    expect(() => planWindow(of, 4000, 1)).toThrow('layer 0, feed-forward');
  });
});
