import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KvCache } from './kv-cache.js';
import { randomNumbers } from './random-package.testing.js';
import { ropeTables } from './rope-tables.js';

const shape = { layers: 2, kvHeads: 3, headSize: 4 };
const width = shape.kvHeads * shape.headSize;
const tables = ropeTables({ theta: 100, scaling: { kind: 'none' } }, shape.headSize, 1024);

describe('KvCache', () => {
  it('holds the same after any appending, truncating and copying as after appending what is left at once', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), tokens: fc.integer({ min: 1, max: 300 }) }),
      fc.record({ kind: fc.constant('truncate' as const), tokens: fc.integer({ min: 0, max: 600 }) }),
      fc.record({ kind: fc.constant('clone' as const), tokens: fc.integer({ min: 0, max: 600 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
        let cache = new KvCache(shape);
        let history: number[] = [];
        let seed = 1;
        for (const { kind, tokens } of steps) {
          if (kind === 'append') {
            if (history.length + tokens > 1024) continue;
            const seeds = Array.from({ length: tokens }, () => seed++);
            append(cache, seeds);
            history.push(...seeds);
          } else {
            history = history.slice(0, tokens);
            if (kind === 'truncate') cache.truncate(tokens);
            else cache = cache.clonePrefix(tokens);
          }
        }
        const fresh = new KvCache(shape);
        append(fresh, history);
        expect(cache.tokens).toBe(history.length);
        expect(contents(cache)).toEqual(contents(fresh));
      }),
      { numRuns: 25 },
    );
  });

  it('leaves a clone alone when its origin goes on', () => {
    const cache = new KvCache(shape);
    append(cache, [1, 2, 3]);
    const clone = cache.clonePrefix(2);
    const before = contents(clone);
    cache.truncate(1);
    append(cache, [9, 9]);
    expect(contents(clone)).toEqual(before);
  });

  it('turns keys by their positions and keeps values', () => {
    const cache = new KvCache({ layers: 1, kvHeads: 1, headSize: 4 });
    cache.reserve(2);
    const values = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    cache.write(0, values, values, 2, tables);
    cache.advance(2);
    const [cos1, sin1, cos2, sin2] = [Math.cos(1), Math.sin(1), Math.cos(0.1), Math.sin(0.1)];
    const turned = [5 * cos1 - 7 * sin1, 6 * cos2 - 8 * sin2, 7 * cos1 + 5 * sin1, 8 * cos2 + 6 * sin2];
    const keys = [...(cache.keys[0]?.subarray(0, 8) ?? [])];
    expect(keys.slice(0, 4)).toEqual([1, 2, 3, 4]);
    for (const [i, key] of keys.slice(4).entries()) expect(key).toBeCloseTo(turned[i] ?? Number.NaN, 5);
    expect([...(cache.values[0]?.subarray(0, 8) ?? [])]).toEqual([...values]);
  });
});

function append(cache: KvCache, seeds: readonly number[]): void {
  cache.reserve(cache.tokens + seeds.length);
  for (let layer = 0; layer < shape.layers; layer++) {
    const rows = (kind: number) =>
      Float32Array.from(
        seeds.flatMap((seed) => {
          const random = randomNumbers(seed * 10 + layer * 2 + kind);
          return Array.from({ length: width }, random);
        }),
      );
    cache.write(layer, rows(0), rows(1), seeds.length, tables);
  }
  cache.advance(seeds.length);
}

/** What is in the cache, without what is reserved. */
function contents(cache: KvCache): number[][] {
  const { headSize, kvHeads } = cache.shape;
  return [...cache.keys, ...cache.values].map((array) =>
    Array.from({ length: kvHeads }, (_, head) => {
      const from = head * cache.capacity * headSize;
      return [...array.subarray(from, from + cache.tokens * headSize)];
    }).flat(),
  );
}
