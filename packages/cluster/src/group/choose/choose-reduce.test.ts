import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { payloads, topologies } from '../rank-group.js';
import { chooseReduce } from './choose-reduce.js';
import type { GroupMeasures } from './measures.js';
import { reduceMs } from './reduce-cost.js';

function alike(ranks: number, roundTripMs: number, bytesPerMs: number): GroupMeasures {
  return {
    ranks,
    pairs: Array.from({ length: ranks }, () => Array.from({ length: ranks }, () => ({ roundTripMs, bytesPerMs }))),
  };
}

const measures: fc.Arbitrary<GroupMeasures> = fc.integer({ min: 2, max: 7 }).chain((ranks) => {
  const pair = fc.record({
    roundTripMs: fc.double({ min: 0.05, max: 50, noNaN: true }),
    bytesPerMs: fc.double({ min: 100, max: 1e6, noNaN: true }),
  });
  const row = fc.array(pair, { minLength: ranks, maxLength: ranks });
  return fc.record({ ranks: fc.constant(ranks), pairs: fc.array(row, { minLength: ranks, maxLength: ranks }) });
});

describe('the cost of an all-reduce', () => {
  it.each([
    ['mesh', 1],
    ['star', 2],
    ['tree', 4],
    ['ring', 10],
  ] as const)('of nothing in a %s of six ranks is %i half round trips', (topology, hops) => {
    expect(reduceMs(topology, 'f32', 0, alike(6, 8, 1000))).toBeCloseTo(4 * hops, 9);
  });

  it('of much is least in a ring, where each rank sends less than twice the bytes', () => {
    const slow = alike(6, 0.1, 100);
    const [mesh, star, ring] = (['mesh', 'star', 'ring'] as const).map((each) => reduceMs(each, 'f32', 6e6, slow));
    const oneWay = 6e6 / 100;
    expect(mesh).toBeCloseTo(5 * oneWay, -3);
    expect(star).toBeCloseTo(10 * oneWay, -3);
    expect(ring).toBeCloseTo((10 / 6) * oneWay, -3);
  });

  it('never falls with a link that is slower, or a sum that is larger', () => {
    fc.assert(
      fc.property(measures, fc.constantFrom(...topologies), fc.constantFrom(...payloads), (each, topology, payload) => {
        const slower = {
          ...each,
          pairs: each.pairs.map((row) =>
            row.map(({ roundTripMs, bytesPerMs }) => ({ roundTripMs: roundTripMs * 2, bytesPerMs: bytesPerMs / 2 })),
          ),
        };
        const ms = reduceMs(topology, payload, 8192, each);
        expect(reduceMs(topology, payload, 8192, slower)).toBeGreaterThan(ms);
        expect(reduceMs(topology, payload, 16384, each)).toBeGreaterThan(ms);
      }),
    );
  });
});

describe('choosing how to sum', () => {
  it('takes the quickest of all for each size', () => {
    const sizes = [1024, 8192, 65536, 4 << 20];
    fc.assert(
      fc.property(measures, (each) => {
        const { rules } = chooseReduce(each, sizes, { topologies, payloads });
        for (const bytes of sizes) {
          const rule = rules.find(({ mostBytes }) => bytes <= mostBytes);
          const all = topologies.flatMap((topology) =>
            payloads.map((payload) => reduceMs(topology, payload, bytes, each)),
          );
          expect(rule && reduceMs(rule.topology, rule.payload, bytes, each)).toBe(Math.min(...all));
        }
      }),
    );
  });

  it('gives rules in rising order, each another, the last without bound', () => {
    fc.assert(
      fc.property(measures, (each) => {
        const { rules } = chooseReduce(each, [1024, 8192, 65536, 1 << 20, 4 << 20]);
        expect(rules.at(-1)?.mostBytes).toBe(Number.POSITIVE_INFINITY);
        for (const [i, rule] of rules.entries()) {
          const next = rules[i + 1];
          if (next === undefined) continue;
          expect(next.mostBytes).toBeGreaterThan(rule.mostBytes);
          expect([next.topology, next.payload]).not.toEqual([rule.topology, rule.payload]);
        }
      }),
    );
  });

  it('sums little in a mesh and much in a ring where trips are long and links narrow, and says why', () => {
    const { rules, explanation } = chooseReduce(alike(4, 10, 1000), [8192, 4 << 20]);
    expect(rules).toEqual([
      { mostBytes: 8192, topology: 'mesh', payload: 'f32' },
      { mostBytes: Number.POSITIVE_INFINITY, topology: 'ring', payload: 'f32' },
    ]);
    expect(explanation[0]).toMatch(/^Sums of 8192 bytes: mesh with f32, 30 ms; .*one trip.* Instead: /);
    expect(explanation[1]).toMatch(/1\/4 at a time.* for 6 trips/);
  });

  it('loses precision only where that is allowed', () => {
    const narrow = alike(3, 0.1, 10);
    expect(chooseReduce(narrow, [8192]).rules[0]?.payload).toBe('f32');
    expect(chooseReduce(narrow, [8192], { topologies, payloads }).rules[0]?.payload).toBe('i8');
  });
});
